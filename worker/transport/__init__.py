"""What goes over the network: how to authenticate, which addresses may be contacted, and one exchange with a vendor."""
