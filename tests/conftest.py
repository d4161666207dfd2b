import logging
import os

from tosho.config import spark_jvm

spark_jvm.prefer_quick_start(os.environ)  # every Spark driver
logging.getLogger("py4j").setLevel(logging.WARNING)  # else it logs at exit, to streams that pytest has closed
