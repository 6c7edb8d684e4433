"""sqlite-utils (3.35 and later) loads the extension into every connection that it opens."""
from sqlite_utils import hookimpl

from . import load


@hookimpl
def prepare_connection(conn):
    load(conn)
