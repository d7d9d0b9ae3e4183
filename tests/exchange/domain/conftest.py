"""Property tests of the engine have no deadline: their first example may compile a kernel."""

from hypothesis import settings

settings.register_profile("engine", deadline=None, print_blob=True)
settings.load_profile("engine")
