"""Prints the public names of the Python package, as check.py compares them."""
import tidemill


def members(found, instance):
    """What `found` and its instances have beyond what they inherit from outside the package."""
    outside = {name for base in found.__mro__ if not base.__module__.startswith("tidemill") for name in dir(base)}
    return {name for name in {*dir(found), *dir(instance)} - outside if not name.startswith("_")}


def an_error():
    try:
        tidemill.Reactor().listen("nonsense", tidemill.Connection)
    except tidemill.Error as error:
        return error
    raise AssertionError("listening on nonsense was no error")


for name in getattr(tidemill, "__all__", dir(tidemill)):
    if not name.startswith("_"):
        print(name)
        found = getattr(tidemill, name)
        if isinstance(found, type):
            instance = an_error() if issubclass(found, tidemill.Error) else None
            print(*(f"{name}.{member}" for member in members(found, instance)), sep="\n")
