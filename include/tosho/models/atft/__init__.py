"""ATFT-GAT-FAN: frequency-normalised windows, temporal fusion, a graph of the session's codes. One idea a file."""
