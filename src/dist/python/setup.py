"""The wheel of sqlite_ortto: a shared library that is loaded by SQLite, not by Python."""
import os

from setuptools import setup
from wheel.bdist_wheel import bdist_wheel


class AnyPython(bdist_wheel):
    """One for every Python 3 of this platform."""

    def finalize_options(self):
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


setup(
    name="sqlite_ortto",
    version=os.environ["ORTTO_VERSION"],
    description="Contacts, accounts, audiences and more of Ortto as tables of SQLite",
    license="MIT",
    python_requires=">=3.8",
    packages=["sqlite_ortto"],
    package_data={"sqlite_ortto": ["ortto.so", "py.typed"]},
    entry_points={
        "sqlite_utils": ["ortto = sqlite_ortto.sqlite_utils_plugin"],
        "datasette": ["ortto = sqlite_ortto.datasette_plugin"],
    },
    cmdclass={"bdist_wheel": AnyPython},
    zip_safe=False,
)
