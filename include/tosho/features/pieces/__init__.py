"""A feature job in pieces that any number of workers can do, by processes of one machine or by Spark.

The lake's narrow tables are read in chunks of sessions and split by bucket of codes; whole codes are computed and split
by span of sessions; whole sessions are finished and written, and all of them are published at the end. Between the
pieces rows travel as blobs, of tens of megabytes at most: no worker ever holds the panel.
"""
