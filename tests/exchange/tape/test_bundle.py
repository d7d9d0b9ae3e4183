"""Sound bundles: the same market in any shape of file is the same tape."""

import copy
import gzip
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from exchange.domain.holdings import TAKEOVER
from exchange.tape import arrays, bundle, store
from tests.exchange.tape import market
from tests.exchange.tape.spoil import Bundle


@pytest.fixture
def written(tmp_path: Path, tape_store: Path) -> Path:
    return market.write(tmp_path / "sound", market.tables())


def test_reads_a_sound_bundle(written: Path) -> None:
    tape = bundle.read(written)

    assert tape.manifest == market.MANIFEST
    assert [spec.symbol for spec in tape.specs] == ["BTC0629", "ETH0629"]
    assert (tape.specs[0].num, tape.specs[0].den, tape.specs[0].scale) == (10**12, 1, 8)
    assert tape.specs[0].expires_us == 1530259200000000
    assert tape.accounts.code == ("A-ann", "A-hal", "A-mo", "FUND")
    assert tape.accounts.language == ("zh-Hans", "en", "en", "en")
    assert tape.accounts.kind.tolist() == [0, 0, 0, 1]
    assert tape.accounts.margin_mode.tolist() == [1, 0, 0, 0]
    assert tape.accounts.tags[2] == "market_maker api"
    assert tape.fills.account.tolist() == [1, 2, 0, 3, 3, 2]
    assert tape.fills.quantity.tolist() == [3, -3, -10, 10, -10, 10]
    assert tape.fills.price.tolist() == [650000, 650000, 640050, 640050, 630025, 630025]
    assert tape.fills.fee.tolist() == [1000, -500, 0, 0, 0, 0]
    assert tape.fills.flags.tolist() == [1, 0, 3, 2, 5, 0]
    assert tape.fills.time[0] == 1522357200100000
    assert tape.balances.amount.tolist() == [12345678, 500000000, 10**10, 10**8, 2 * 10**9]
    assert tape.positions.cost.tolist() == [-15000000, 15000000]
    assert tape.prices.mark.tolist() == [[650001] * 4, [400001] * 4]
    assert tape.transfers.reference == ("d1", "i1", "i1", "w1")
    assert tape.liquidations.quantity.tolist() == [10]
    assert tape.orders.order.tolist() == []


def test_what_is_loaded_is_what_was_read(written: Path) -> None:
    tape = bundle.read(written)
    loaded = store.load(tape.digest, verify=True)
    assert (loaded.digest, loaded.manifest, loaded.specs) == (
        tape.digest, tape.manifest, tape.specs
    )  # fmt: skip
    for name in store.TABLES:
        assert repr(getattr(loaded, name)) == repr(getattr(tape, name))


def test_gzip_zip_and_parquet_are_the_same_tape(written: Path, tmp_path: Path) -> None:
    digest = bundle.read(written).digest

    packed = Bundle(tmp_path / "packed")
    fills = packed.file("fills.csv")
    (packed.path / "fills.csv.gz").write_bytes(gzip.compress(fills.read_bytes()))
    fills.unlink()
    assert bundle.read(packed.path).digest == digest

    packed.zipped()
    assert bundle.read(packed.path).digest == digest

    typed = Bundle(tmp_path / "typed")
    fills = typed.file("fills.csv")
    table = pacsv.read_csv(fills, convert_options=pacsv.ConvertOptions(column_types={
        "price": pa.decimal128(20, 4), "fee": pa.decimal128(20, 10), "account": pa.string(),
        "time": pa.timestamp("us", "Asia/Hong_Kong"), "seq": pa.int32(),
    }))  # fmt: skip
    at = table.column_names.index("account")
    table = table.set_column(at, "account", table.column("account").dictionary_encode())
    pq.write_table(table, typed.path / "fills.parquet")
    fills.unlink()
    assert bundle.read(typed.path).digest == digest


def test_exact_columns_are_the_same_tape(written: Path, tmp_path: Path) -> None:
    digest = bundle.read(written).digest
    exact = Bundle(tmp_path / "exact")
    for row in exact.tables["fills"]:
        row["price_ticks"] = str(int(Decimal(row.pop("price")) * 100))
        row["fee_units"] = str(int(Decimal(row.pop("fee")) * 10**8))
    for row in exact.tables["positions"]:
        row["cost_units"] = str(int(Decimal(row.pop("cost")) * 10**8))
    assert bundle.read(exact.write()).digest == digest


def test_row_order_column_order_bom_and_line_ends_do_not_matter(
    written: Path, tmp_path: Path
) -> None:
    digest = bundle.read(written).digest
    other = Bundle(tmp_path / "other")
    for name in ("fills", "accounts", "balances", "positions", "prices", "transfers"):
        other.tables[name] = [dict(reversed(row.items())) for row in reversed(other.tables[name])]
    file = other.file("fills.csv")
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert bundle.read(other.path).digest == digest


def test_another_amount_is_another_tape(written: Path, tmp_path: Path) -> None:
    other = Bundle(tmp_path / "other")
    other.cell("balances", 2, "amount", "100.00000001")
    assert bundle.read(other.write()).digest != bundle.read(written).digest


def test_another_manifest_is_another_tape_with_the_same_tables(
    written: Path, tmp_path: Path, tape_store: Path
) -> None:
    first = bundle.read(written)
    before = sorted(tape_store.glob("*.parquet"))
    other = Bundle(tmp_path / "other")
    other.manifest["title"] = "Another title"
    assert bundle.read(other.write()).digest != first.digest
    assert sorted(tape_store.glob("*.parquet")) == before


def test_a_self_trade_is_legal(tmp_path: Path, tape_store: Path) -> None:
    own = Bundle(tmp_path)
    own.cell("fills", 3, "account", "A-hal")
    assert bundle.read(own.write()).fills.account[:2].tolist() == [1, 1]


def test_order_column_and_orders_are_optional(tmp_path: Path, tape_store: Path) -> None:
    without = Bundle(tmp_path / "without")
    without.drop("fills", "order")
    assert bundle.read(without.write()).fills.order.tolist() == [0] * 6

    known = Bundle(tmp_path / "with")
    known.tables["orders"] = market.rows(
        "order,time,account,contract,side,type,price,quantity,status",
        "12,2018-03-30T05:00:00+08:00,A-mo,BTC0629,sell,limit,6500.00,3,filled",
        "11,2018-03-30T05:00:00+08:00,A-hal,BTC0629,buy,market,,3,filled",
    )
    orders = bundle.read(known.write()).orders
    assert orders.order.tolist() == [11, 12]
    assert orders.price.tolist() == [0, 650000]
    assert orders.quantity.tolist() == [3, -3]


def test_some_accounts_may_lack_counterparties_openings_and_cutoffs(
    tmp_path: Path, tape_store: Path
) -> None:
    some = Bundle(tmp_path)
    some.manifest = copy.deepcopy(market.MANIFEST) | {
        "scope": "accounts", "rules": "none", "announced_cutoff": None, "effective_cutoff": None,
        "contract": None,
    }  # fmt: skip
    some.tables["positions"].pop()
    some.tables["fills"] = some.tables["fills"][:1]
    some.tables["liquidations"] = some.tables["liquidations"][:1]
    some.file("liquidations.csv").write_text("time,account,contract,quantity,price\n")
    some.file("prices.csv").write_text("time,contract,mark,index\n")
    tape = bundle.read(some.path)
    assert tape.fills.quantity.tolist() == [3]
    assert tape.prices.mark.shape == (2, 0)
    assert repr(store.load(tape.digest, verify=True).prices) == repr(tape.prices)


def test_progress_is_told(written: Path) -> None:
    told: list[tuple[str, int, int]] = []
    bundle.read(written, lambda *step: told.append(step))
    labels = [label for label, _, _ in told]
    assert labels[0] == "Reading assets"
    assert "Reading fills" in labels
    assert told[-1] == ("Storing the tape", len(store.TABLES), len(store.TABLES))
    assert all(0 <= done <= total for _, done, total in told)


def test_flags_name_taker_and_reason() -> None:
    assert arrays.FLAG_TAKER == 1
    assert TAKEOVER << arrays.REASON_SHIFT == 2
