"""Digests as words, so that two people can compare one over the telephone.

Eight bytes of a digest become eight words of a fixed list of 256. No two words begin with the same
three letters and none is one letter away from another, so a word heard badly is a word not in the
list. The list never changes: whoever wrote down the words of a plan finds them again.
"""

BYTES = 8
_LIST = """
    acorn album almond amber anchor apron arrow atlas autumn avenue bacon badge bakery balcony
    bamboo banner basket beehive bicycle blanket blossom bonfire border bottle bracket breeze
    bridge bucket button cabin cactus camera candle carpet castle cedar cellar chapel cherry
    chimney circle citrus clover cobalt coffee comet copper coral cotton cousin cradle crystal
    cushion daisy dancer delta denim desert diamond dinner dolphin donkey dragon drummer eagle
    easel echo eclipse elbow elephant emerald engine evening fabric falcon feather ferry fiddle
    finger flannel flute forest fossil fountain freight frost funnel galaxy garden giraffe glacier
    glove goblet gravel grizzly guitar hammer harbor hazel helmet hickory honey horizon hotel
    iceberg igloo indigo inkwell island ivory jacket jasmine jelly jigsaw journal jungle kayak
    kennel kettle kitchen koala ladder lagoon lantern laurel lemon lettuce library lilac linen
    lobster lotus lumber magnet mango maple marble meadow melody mermaid meteor mineral mirror
    mitten monsoon moped mosaic muffin museum napkin nectar needle nickel noodle novel nutmeg
    oasis ocean octave olive onion opera orbit orchard otter paddle palace panther parrot pebble
    pelican pencil pepper piano pigeon pillow planet pony poplar prairie pumpkin quarry quiver
    rabbit radish ranger raven reef ribbon ripple river robin rocket rooster rudder runway saffron
    salmon sapphire satin sculptor season shadow silver sketch slipper snowball soccer sparrow
    spiral spruce stable summit sunset surfer tailor tandem tavern teapot temple thistle thunder
    ticket tiger timber tomato topaz tractor trumpet tulip turtle umbrella unicorn valley vanilla
    velvet verse village violet volcano voyage wagon walnut water weaver wheat window wizard wolf
    yacht yellow yogurt zebra zenith zigzag zipper
"""
WORDS = tuple(_LIST.split())


def words(digest: str) -> list[str]:
    """The words of the first eight bytes of a digest in hexadecimal.

    Raises ValueError when it is shorter, or no hexadecimal.
    """
    head = bytes.fromhex(digest[: 2 * BYTES])
    if len(head) != BYTES:
        raise ValueError("a digest has at least eight bytes")
    return [WORDS[byte] for byte in head]


def groups(digest: str, size: int = 8) -> list[str]:
    """The digest cut into groups of `size` characters, to be read out or compared by eye."""
    return [digest[at : at + size] for at in range(0, len(digest), size)]
