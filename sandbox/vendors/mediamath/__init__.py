"""MediaMath's Reporting API V2."""
