"""Airflow and the demo on one machine: what a user of a laptop needs, and a cluster does not."""
