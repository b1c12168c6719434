"""The seal outside the store shows when the end of the audit trail was cut off."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingat.core.errors import SecretMissing, StoreError
from ingat.core.secret import Secret
from ingat.services.audit import Audit
from ingat.services.sealer import Sealer
from ingat.store.contract import Store
from ingat.testing import TurnableClock
from tests.services.trails import fill, problem, run


def test_a_seal_is_renewed_only_when_there_is_more(store: Store, sealer: Sealer) -> None:
    assert not sealer.seal()
    fill(store, 1)

    assert [sealer.seal(), sealer.seal()] == [True, False]
    fill(store, 1)
    assert sealer.seal()


def test_without_a_data_directory_nothing_is_sealed(
    store: Store,
    tmp_path: Path,
    clock: TurnableClock,
) -> None:
    fill(store, 1)

    assert not Sealer(store, Secret(tmp_path / "absent"), clock).seal()
    assert not (tmp_path / "absent").exists()


def test_a_seal_that_shows_a_loss_stays(store: Store, sealer: Sealer, folder: Path) -> None:
    fill(store)
    sealer.seal()
    before = (folder / "audit.head").read_bytes()
    run(store, "DELETE FROM audit_entry WHERE seq > 4")
    fill(store, 9)

    with pytest.raises(StoreError, match="has lost entries"):
        sealer.seal()
    assert (folder / "audit.head").read_bytes() == before


@pytest.mark.parametrize("change", ["", "{}", '{"seq":1,"hash":"","at":1,"signature":"00"}', "\x00\xff"])
def test_a_seal_that_was_changed_is_found(store: Store, kept: Audit, sealer: Sealer, folder: Path, change: str) -> None:
    fill(store)
    sealer.seal()
    (folder / "audit.head").write_text(change)

    assert "audit.head was changed" in problem(kept)


def test_a_seal_whose_key_is_gone_is_told(
    store: Store,
    kept: Audit,
    sealer: Sealer,
    folder: Path,
    clock: TurnableClock,
) -> None:
    fill(store)
    sealer.seal()
    (folder / "secret.key").unlink()

    assert "the key that signed it is gone" in problem(Audit(store, Secret(folder), clock))


def test_without_the_key_nothing_is_sealed_and_the_seal_stays(
    store: Store, sealer: Sealer, folder: Path, clock: TurnableClock
) -> None:
    fill(store)
    sealer.seal()
    before = (folder / "audit.head").read_bytes()
    (folder / "secret.key").unlink()
    fill(store, 1)

    with pytest.raises(SecretMissing):
        Sealer(store, Secret(folder), clock).seal()
    assert (folder / "audit.head").read_bytes() == before
    assert not (folder / "secret.key").exists()
