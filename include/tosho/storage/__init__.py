from tosho.storage.encoding import parquet_bytes, wide_bytes
from tosho.storage.files import Entry, Files, StorageError
from tosho.storage.lake import CorruptPartitionError, Lake, PartitionMissingError
from tosho.storage.manifest import Manifest, Source, Version
from tosho.storage.verify import Looked, look, sweep

__all__ = [
    "CorruptPartitionError",
    "Entry",
    "Files",
    "Lake",
    "Looked",
    "Manifest",
    "PartitionMissingError",
    "Source",
    "StorageError",
    "Version",
    "look",
    "parquet_bytes",
    "sweep",
    "wide_bytes",
]
