"""The people who use the desk, and what each may do.

A person signs in with an e-mail address, a password and, for staff, a second factor. What a person
may do follows from roles, one row each; Django's `is_superuser` opens no door of the desk.
"""

from typing import Any

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models

from exchange.models import Account, Customer


class PersonManager(BaseUserManager["Person"]):
    """Creates people by e-mail address: there are no user names."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Person":
        """Store a person with a usable password, or an unusable one when none is given."""
        person = self.model(email=self.normalize_email(email), **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def create_superuser(self, email: str, password: str, **fields: Any) -> "Person":
        """Store a person Django calls a superuser; the desk gives them no power for it."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class Person(AbstractUser):
    """Someone who signs in. A customer's person is tied to the customer whose data it may see."""

    username = None  # type: ignore[assignment]
    objects = PersonManager()  # type: ignore[misc,assignment]
    email = models.EmailField(unique=True)
    display_name = models.CharField(max_length=120, blank=True, default="")
    language = models.CharField(max_length=8, default="en")
    customer = models.OneToOneField(
        Customer, models.PROTECT, null=True, blank=True, related_name="person"
    )
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    def __str__(self) -> str:
        return self.display_name or self.email


class Role(models.Model):
    """One role held by one person. Distinct roles are how duties stay separate."""

    class Name(models.TextChoices):
        SUPPORT = "support", "Support"
        ANALYST = "analyst", "Incident analyst"
        RISK = "risk", "Risk officer"
        FINANCE = "finance", "Finance officer"
        LEGAL = "legal", "Legal officer"

    person = models.ForeignKey(Person, models.PROTECT, related_name="roles")
    name = models.CharField(max_length=8, choices=Name)
    granted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "role"
        constraints = [
            models.UniqueConstraint(fields=["person", "name"], name="role_once"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id}: {self.name}"


class Interest(models.Model):
    """A declared tie between a staff member and a trading account; drives recusal."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="interests")
    account = models.ForeignKey(Account, models.PROTECT, related_name="interests")
    relation = models.CharField(max_length=40)

    class Meta:
        db_table = "interest"
        constraints = [
            models.UniqueConstraint(fields=["person", "account"], name="interest_once"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} - {self.account_id}"


class SpentCode(models.Model):
    """A time step of a person's authenticator that has approved something: never twice."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    step = models.BigIntegerField()
    spent_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "spent_code"
        constraints = [
            models.UniqueConstraint(fields=["person", "step"], name="spent_code_once"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id}@{self.step}"
