"""Makes the buckets named on the command line where they are missing: `make_buckets.py tosho mlflow`.

Address and keys come from the environment: TOSHO_S3_ENDPOINT, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY.
"""

# ruff: noqa: INP001 - a script, not a package
from __future__ import annotations

import os
import sys

import boto3


def make(names: list[str]) -> list[str]:
    """Return the buckets that were missing and are there now."""
    client = boto3.client("s3", endpoint_url=os.environ["TOSHO_S3_ENDPOINT"], region_name="us-east-1")
    there = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
    made = [name for name in names if name not in there]
    for name in made:
        client.create_bucket(Bucket=name)
    return made


if __name__ == "__main__":
    sys.stdout.write(f"Made {', '.join(make(sys.argv[1:])) or 'no bucket: all were there'}.\n")
