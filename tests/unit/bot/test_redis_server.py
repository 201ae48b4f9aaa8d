"""The bundled redis-server, started for real."""

from pathlib import Path

import pytest
from redis import Redis

from bot import redis_server
from bot.redis_server import RedisFailed, RedisMissing, RedisServer, find_redis_server, stop


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("r")


@pytest.fixture
def server(folder: Path) -> RedisServer:
    return RedisServer(socket=folder / "redis.sock", folder=folder, binary=find_redis_server())


def config(folder: Path, name: str) -> str:
    with Redis(unix_socket_path=str(folder / "redis.sock"), decode_responses=True) as client:
        found: dict[str, str] = client.config_get(name)
    return found[name]


def test_the_environments_own_binary_is_found() -> None:
    binary = find_redis_server()

    assert binary.path.is_file()
    assert binary.version[0].isdecimal()


def test_without_one_the_message_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(redis_server, "_candidates", lambda: iter([tmp_path / "redis-server"]))  # none that exists

    with pytest.raises(RedisMissing, match=r"TESSERA_REDIS_URL"):
        find_redis_server()


def test_a_binary_for_another_platform_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    foreign = tmp_path / "redis-server"
    foreign.write_bytes(b"\x7fELF but not for this machine")
    foreign.chmod(0o700)
    real = find_redis_server()
    monkeypatch.setattr(redis_server, "_candidates", lambda: iter([foreign, real.path]))

    assert find_redis_server() == real


async def test_it_answers_on_its_socket_keeps_nothing_and_drops_nothing(server: RedisServer, folder: Path) -> None:
    process = await server.start()
    try:
        assert await server.answers()
        assert {name: config(folder, name) for name in ("port", "save", "appendonly", "maxmemory-policy")} == {
            "port": "0",
            "save": "",
            "appendonly": "no",
            "maxmemory-policy": "noeviction",
        }
        assert (folder / "redis.sock").stat().st_mode & 0o777 == 0o700
    finally:
        await stop(process, 5)


async def test_it_stops_kindly(server: RedisServer) -> None:
    process = await server.start()

    await stop(process, 5)

    assert process.returncode == 0
    assert not await server.answers()


async def test_one_left_behind_is_shut_down_first(server: RedisServer) -> None:
    stale = await server.start()

    process = await server.start()

    assert await stale.wait() == 0
    assert await server.answers()
    await stop(process, 5)


async def test_a_socket_file_left_behind_is_no_obstacle(server: RedisServer, folder: Path) -> None:
    killed = await server.start()
    killed.kill()
    await killed.wait()
    assert (folder / "redis.sock").exists()

    process = await server.start()

    assert await server.answers()
    await stop(process, 5)


async def test_one_that_does_not_come_up_says_why(folder: Path) -> None:
    server = RedisServer(socket=folder / "missing" / "redis.sock", folder=folder, binary=find_redis_server())

    with pytest.raises(RedisFailed, match=r"does not come up.*(?i:no such file)"):
        await server.start()


def test_the_advice_knows_the_platform() -> None:
    from bot.wording.operator import no_redis_server

    assert "brew install redis" in no_redis_server("darwin")
    assert "apt install" in no_redis_server("linux")
    assert "package manager" in no_redis_server("freebsd14")
