-- The predictions of every session, for ClickHouse 18.16 and newer. {database} is filled in.
-- The embedded store keeps the same columns (all but load_id) as Parquet.

CREATE DATABASE IF NOT EXISTS {database};

CREATE TABLE IF NOT EXISTS {database}.prediction_rows
(
    session Date,
    load_id String,
    target_session Date,
    horizon UInt8,
    code String,
    model String,
    model_version String,
    feature_set String,
    score Float64,
    rank UInt32,
    expected_return Nullable(Float64),
    q05 Nullable(Float64),
    q25 Nullable(Float64),
    q50 Nullable(Float64),
    q75 Nullable(Float64),
    q95 Nullable(Float64),
    confidence Nullable(Float64),
    flags String,
    run_id String,
    predicted_at_us Int64
)
ENGINE = MergeTree PARTITION BY (session, load_id) ORDER BY (session, horizon, code, model);

-- One row makes a load visible: of a session's rows, those of the highest sequence count.
CREATE TABLE IF NOT EXISTS {database}.prediction_commits
(
    session Date,
    load_id String,
    sequence UInt64,
    row_count UInt64,
    fingerprint UInt64,
    committed_at DateTime DEFAULT now()
)
ENGINE = MergeTree PARTITION BY session ORDER BY (session, sequence);

-- Holds nothing. An INSERT into it, left open under a session's query_id, is that session's lock.
CREATE TABLE IF NOT EXISTS {database}.prediction_locks
(
    session Date
)
ENGINE = Null;

-- What people and dashboards read.
CREATE VIEW IF NOT EXISTS {database}.predictions AS
SELECT
    session, target_session, horizon, code, model, model_version, feature_set, score, rank, expected_return,
    q05, q25, q50, q75, q95, confidence, flags, run_id, predicted_at_us,
    toDateTime(intDiv(predicted_at_us, 1000000), 'UTC') AS predicted_at
FROM {database}.prediction_rows
WHERE (session, load_id) IN
(
    SELECT session, argMax(load_id, sequence) FROM {database}.prediction_commits GROUP BY session
);
