from tosho.storage.files import Files, StorageError
from tosho.storage.lake import CorruptPartitionError, Lake, PartitionMissingError, parquet_bytes
from tosho.storage.manifest import Manifest, Source

__all__ = [
    "CorruptPartitionError",
    "Files",
    "Lake",
    "Manifest",
    "PartitionMissingError",
    "Source",
    "StorageError",
    "parquet_bytes",
]
