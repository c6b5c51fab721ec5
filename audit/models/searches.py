"""Searches of the explorer that people keep."""

from django.db import models
from django.db.models.functions import Now
from django.utils.http import urlencode


class SavedSearchQuerySet(models.QuerySet["SavedSearch"]):
    """Searches by who may use them."""

    def kept(self) -> "SavedSearchQuerySet":
        """Those that were not deleted."""
        return self.filter(deleted_at=None)

    def open_to(self, user_id: int) -> "SavedSearchQuerySet":
        """A person's own, and those that others share, by name."""
        mine = models.Q(owner_id=user_id) | models.Q(shared=True)
        return self.kept().filter(mine).order_by("name", "pk")


class SavedSearch(models.Model):
    """Filters of the explorer under a name. ``query`` maps names of filters to texts, as in a query string.

    The owner is no foreign key: this app knows accounts by number and name alone, as the events do.
    A row is never deleted: it is marked, so that the event which every write needs can be demanded for that, too.
    """

    owner_id = models.BigIntegerField()
    owner_name = models.CharField(max_length=150)
    name = models.CharField(max_length=80)
    query = models.JSONField()
    shared = models.BooleanField(default=False, help_text="Everybody who reads the log can use it.")
    created_at = models.DateTimeField(db_default=Now())
    deleted_at = models.DateTimeField(null=True)

    objects = SavedSearchQuerySet.as_manager()

    class Meta:
        db_table = "audit_saved_search"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["owner_id", "name"], condition=models.Q(deleted_at=None), name="one_saved_search_per_name"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def query_string(self) -> str:
        """The filters as the explorer's address takes them."""
        return urlencode(self.query)
