# HttpHosts: several sites behind one listener. The core knows whose a request is; the sites are functions, kept here by number.
from . import core as _core


class HttpHosts:
    __slots__ = ("_core", "_sites")

    def __init__(self, sites):
        self._core = _core.HttpHostsCore()
        self._sites = {}
        for host, site in sites.items():
            self.add(host, site)

    def add(self, host, site):
        if not callable(site):
            raise TypeError(f"site must be callable, not {type(site).__name__}")
        self._sites[self._core.add(host)] = site

    def serve(self, request):
        if number := self._core.choose(request._connection, request._number):
            self._sites[number](request)


HttpHosts.__module__ = "tidemill"
