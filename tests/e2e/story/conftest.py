from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser

from tests.e2e.browsing import Person
from tests.e2e.conftest import Launched
from tests.e2e.story.product import Product, running_product

SLOW = {"fra-acc-02": 0.15, "fra-acc-08": 0.3, "muc-acc-02": 0.3}
"""These switches think a while before each answer, so that a person sees something happen."""


# After the browser, so that nothing is started where no page can be looked at.
@pytest.fixture(scope="module")
def product(launched: Launched) -> Iterator[Product]:
    with running_product() as started:
        for device, seconds in SLOW.items():
            started.slow_down(device, seconds)
        yield started


@pytest.fixture
def comes(browser: Browser, product: Product) -> Iterator[Callable[..., Person]]:
    """``comes("olivia")``: somebody of the demo opens a browser of their own and signs in."""
    with ExitStack() as stack:

        def arrive(name: str, *, scripts: bool = True) -> Person:
            person = stack.enter_context(Person(browser, product.address, name, scripts=scripts))
            person.signs_in(product.password)
            return person

        yield arrive
