"""The distributed engine: Spark moves rows of (key, blob), and the local engine's functions compute.

Wide float columns never become Spark columns: in and out of the JVM they cost several times the computation. So the
workers read the lake themselves and split its narrow tables by bucket of codes; whole codes are computed and split by
span of sessions; whole sessions are finished, written by the workers, and published by the driver in one commit.

Nothing is imported here: Spark opens the sink in processes that need no more than that.
"""
