"""Addresses: what can be sent to is taken in the form in which it is sent, and nothing else is."""

from __future__ import annotations

from email.headerregistry import Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.addresses import email_address, host_name, server, web_address


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("ops@example.org", "ops@example.org"),
        ("first.last+tag@sub.example.org", "first.last+tag@sub.example.org"),
        ("o'brien!#$%&*/=?^_`{|}~-@example.org", "o'brien!#$%&*/=?^_`{|}~-@example.org"),
        ("root@localhost", "root@localhost"),
        ("post@büro.example", "post@xn--bro-hoa.example"),
        ("post@BÜRO.example", "post@xn--bro-hoa.example"),
        ("post@faß.example", "post@xn--fa-hia.example"),
        ("post@例え.テスト", "post@xn--r8jz45g.xn--zckzah"),
        ("post@xn--bro-hoa.example", "post@xn--bro-hoa.example"),
        ("post@[192.0.2.1]", "post@[192.0.2.1]"),
        ("post@[IPv6:2001:db8::1]", "post@[IPv6:2001:db8::1]"),
        (f"{'a' * 64}@example.org", f"{'a' * 64}@example.org"),
    ],
)
def test_an_address_that_mail_servers_take_is_taken_with_its_domain_in_ascii(text: str, sent: str) -> None:
    assert email_address(text) == sent
    assert email_address(sent) == sent


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it needs a name"),
        ("ops", "it needs a name"),
        ("@example.org", "it needs a name"),
        ("jörg@example.org", "SMTPUTF8"),
        ("ops..team@example.org", "single dots"),
        (".ops@example.org", "single dots"),
        ("ops.@example.org", "single dots"),
        ("a b@example.org", "single dots"),
        ('"a b"@example.org', "single dots"),
        ("a@b@example.org", "single dots"),
        ("A <a@example.org>", "single dots"),
        ("a@b.org, c@d.org", "single dots"),
        ("a@b.org\r\nBcc: x@y.org", "single dots"),
        ("a@", "the host must be"),
        ("a@.example", "the host must be"),
        ("a@example..org", "the host must be"),
        ("a@example.org.", "the host must be"),
        ("a@-example.org", "the host must be"),
        ("a@exa_mple.org", "the host must be"),
        ("a@exam ple.org", "the host must be"),
        ("a@\u200b.org", "cannot be encoded"),
        ("a@xn--a.org", "encoded wrongly"),
        ("a@[300.0.2.1]", "no IP address"),
        ("a@[2001:db8::1]", "no IP address"),
        ("a@[IPv6:::1%ü]", "no IP address"),
        ("a@[IPv6:fe80::1%> X]", "no IP address"),
        ("a@[IPv6:fe80::1%eth0]", "no IP address"),
        ("a@127.0.0.1", "must not end in a number"),
        ("a@127.1", "must not end in a number"),
        ("a@1", "must not end in a number"),
        ("a@0x7f", "must not end in a number"),
        ("a@example.123", "must not end in a number"),
        ("a@example.１２３", "must not end in a number"),
        (f"{'a' * 65}@example.org", "has 65 characters before the @"),
        (f"a@{'b' * 64}.org", "a part of 64 characters"),
        (f"a@{'ü' * 60}.org", "cannot be encoded"),
        (f"{'a' * 64}@{'.'.join(['b' * 62] * 4)}", "characters, 254 are allowed"),
    ],
)
def test_an_address_that_can_never_be_sent_to_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        email_address(text)


@given(st.text(st.sampled_from('aü.@-_"\\ \r\n<>[]1\u200b例'), max_size=12))
def test_what_is_taken_can_stand_in_a_header_and_is_taken_again(text: str) -> None:
    try:
        sent = email_address(text)
    except ValueError:
        return
    assert sent.isascii()
    assert sent.isprintable()
    assert email_address(sent) == sent
    assert Address(addr_spec=sent).addr_spec == sent


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("https://chat.example/hook?a=b", "https://chat.example/hook?a=b"),
        ("https://büro.example:8443/hook", "https://xn--bro-hoa.example:8443/hook"),
        ("http://my_service:8080/", "http://my_service:8080/"),
        ("http://[2001:db8::1]:80/a%20b", "http://[2001:db8::1]:80/a%20b"),
        ("http://192.0.2.1/", "http://192.0.2.1/"),
        ("https://chat.example./", "https://chat.example./"),
        ("https://chat.example", "https://chat.example"),
        ("https://chat.example/?a[]=1", "https://chat.example/?a[]=1"),
    ],
)
def test_a_web_address_is_taken_with_its_host_in_ascii(text: str, sent: str) -> None:
    assert web_address(text) == sent
    assert web_address(sent) == sent


@pytest.mark.parametrize(
    "text",
    [
        "",
        "chat.example",
        "ftp://chat.example/",
        "//chat.example",
        "https://",
        "https://:443/",
        "https://user@chat.example/",
        "https://user:secret@chat.example/",
        "https://chat.example:0/",
        "https://chat.example:/",
        "https://chat.example:65536/",
        "https://chat.example:x/",
        "https://chat..example/",
        f"https://{'a' * 64}.example/",
        f"https://{'.'.join(['a' * 60] * 5)}/",
        "https://chat.example/größe",
        "https://chat.example/a b",
        "https://chat.example/a\nb",
        "https://chat.example\\@evil.example/",
        "https://[::1/",
        "https://\u200b/",
        "https://[::1%ü]/",
        "https://[::1%> X]/",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[v1.a]/",
        "https://[v1.fe80::a+en1]/",
        "https://[192.0.2.1]/",
        "https://127.1/",
        "https://1/",
        "https://0x7f.0.0.1/",
        "https://256.256.256.256/",
        "https://chat.example/%zz",
        "https://chat.example/%",
        "https://chat.example/a%2",
        "https://chat.example/?a=%g0",
        "https://chat.example/[x]",
    ],
)
def test_what_is_no_web_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        web_address(text)
    assert "secret" not in str(caught.value)


def test_a_server_is_a_name_or_an_address() -> None:
    names = ["mail.example", "mail.example.", "127.0.0.1", "::1", "my_mail", "büro.example"]
    assert [server(name) for name in names] == [*names[:5], "xn--bro-hoa.example"]
    assert server("fe80::1%eth0") == "fe80::1%eth0"
    wrongs = (
        "",
        ".",
        "a..b",
        "mail.example:25",
        "http://mail",
        "a b",
        "fe80::1%",
        "fe80::1%> X",
        "fe80::1%ü",
        "1.2.3",
        "7.",
    )
    for wrong in (*wrongs, "127.0.0.1%eth0"):
        with pytest.raises(ValueError):
            server(wrong)


def test_a_host_has_parts_of_63_and_253_characters_in_all() -> None:
    longest = ".".join(["a" * 63] * 3 + ["a" * 61])
    assert host_name(longest) == longest
    with pytest.raises(ValueError, match="254 characters"):
        host_name(longest + "a")
