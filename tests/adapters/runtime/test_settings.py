"""adapters.toml as it is read."""

from pathlib import Path

from holdfast.adapters.runtime.settings import load


def test_paths_of_secrets_are_relative_to_the_file(tmp_path: Path) -> None:
    config = tmp_path / "adapters.toml"
    config.write_text(
        'target = "127.0.0.1:1"\n[adapters.square]\nkind = "square"\n'
        'options = { notification_url = "https://shop.example/in/square" }\n'
        'secrets = { signature_key = { file = "key" } }\n'
    )
    (tmp_path / "key").write_text("the key\n")

    _, [square] = load(config)

    assert {"signature_key": "the key"} == square.secrets
