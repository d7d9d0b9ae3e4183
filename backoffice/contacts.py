"""Writing an e-mail address so that it can be recognised and not used. Pure."""


def masked(address: str | None) -> str:
    """`mira@drill.example` as `m•••@d•••.example`; nothing for nothing.

    The number of dots says nothing about the length.
    """
    if not address:
        return ""
    name, _, domain = address.partition("@")
    host, _, last = domain.rpartition(".")
    hidden = f"{host[:1]}•••.{last}" if host else f"{last[:1]}•••"
    return f"{name[:1]}•••@{hidden}"
