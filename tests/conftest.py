import logging
import os

from services.spark import SHORT_LIVED

os.environ.setdefault("SPARK_SUBMIT_OPTS", SHORT_LIVED)  # of every Spark driver, the e2e scheduler's too
logging.getLogger("py4j").setLevel(logging.WARNING)  # else it logs at exit, to streams that pytest has closed
