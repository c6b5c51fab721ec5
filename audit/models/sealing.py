"""The tree over the events. The sealer alone writes these tables, in SQL; everybody else reads them."""

from django.db import models


class Pending(models.Model):
    """An event that is committed and not sealed yet. A trigger on the events fills this table."""

    event_id = models.BigIntegerField(primary_key=True)

    class Meta:
        db_table = "audit_pending"
        default_permissions = ()

    def __str__(self) -> str:
        return f"event {self.event_id}"


class Leaf(models.Model):
    """The place of an event in the tree: 0, 1, 2 ... without gaps, in the order of sealing.

    ``leaf_hash`` is RFC 6962's hash (32 bytes) of the event's line in the JSON Lines export, without its line feed.
    """

    leaf_index = models.BigIntegerField(primary_key=True)
    event_id = models.BigIntegerField(unique=True)
    leaf_hash = models.BinaryField()

    class Meta:
        db_table = "audit_leaf"
        default_permissions = ()

    def __str__(self) -> str:
        return f"leaf {self.leaf_index}"


class Tile(models.Model):
    """Up to 256 neighbouring hashes of the tree, 32 bytes each, as C2SP's tlog-tiles cuts it.

    Level 0 holds leaf hashes; a hash of a higher level is the root over a full tile of the level below. The last tile
    of a level grows; a full one never changes.
    """

    pk = models.CompositePrimaryKey("level", "tile_index")
    level = models.SmallIntegerField()
    tile_index = models.BigIntegerField()
    hashes = models.BinaryField()

    class Meta:
        db_table = "audit_tile"
        default_permissions = ()

    def __str__(self) -> str:
        return f"tile {self.level}/{self.tile_index}"


class Checkpoint(models.Model):
    """A signed head of the tree. ``note`` is what was signed, with its signatures; the other columns repeat it."""

    tree_size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()
    note = models.TextField()
    signed_at = models.DateTimeField()

    class Meta:
        db_table = "audit_checkpoint"
        default_permissions = ()

    def __str__(self) -> str:
        return f"checkpoint {self.tree_size}"


class Anchoring(models.Model):
    """How far an anchor has got: the greatest tree that it was given, and what stands in its way since when."""

    anchor = models.TextField(primary_key=True)
    tree_size = models.BigIntegerField()
    anchored_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    attempts = models.IntegerField()
    error = models.TextField()

    class Meta:
        db_table = "audit_anchoring"
        default_permissions = ()

    def __str__(self) -> str:
        return self.anchor
