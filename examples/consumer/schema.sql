-- The table to query: the rows of every window, from its newest complete job.
CREATE TABLE IF NOT EXISTS report_rows (
  window_id BIGINT NOT NULL,
  page BIGINT NOT NULL,
  row BIGINT NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (window_id, page, row)
);

-- Each window, and the job whose rows it has.
CREATE TABLE IF NOT EXISTS windows (
  window_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  job TEXT NOT NULL,
  ready_at TEXT NOT NULL,
  receipt TEXT NOT NULL
);

-- Rows of jobs that have not ended, by their addresses; (milliseconds, sequence) is the id of the entry.
CREATE TABLE IF NOT EXISTS staged (
  job TEXT NOT NULL,
  generation BIGINT NOT NULL,
  page BIGINT NOT NULL,
  row BIGINT NOT NULL,
  milliseconds BIGINT NOT NULL,
  sequence BIGINT NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (job, generation, page, row)
);

-- Jobs: generations below `first_generation` are void; a job with an `outcome` is over.
CREATE TABLE IF NOT EXISTS jobs (
  job TEXT PRIMARY KEY,
  first_generation BIGINT NOT NULL DEFAULT 1,
  outcome TEXT
);
