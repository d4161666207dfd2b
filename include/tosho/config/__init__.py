from tosho.config.settings import S3, Containers, JQuants, Metrics, Plan, Settings, SettingsError, Store

__all__ = ["S3", "Containers", "JQuants", "Metrics", "Plan", "Settings", "SettingsError", "Store"]
