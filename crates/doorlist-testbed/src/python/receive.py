"""A destination made of aiosmtpd: writes each message, byte for byte as it came, into a maildir."""

import asyncio
import os
import sys

from aiosmtpd.smtp import SMTP


class Destination(SMTP):
    """Takes lines of any length: what it is sent is the test's business."""

    line_length_limit = 64 * 1024 * 1024


class Keep:
    """Keeps each message once for each recipient, under two lines that name the envelope."""

    def __init__(self, folder, silent):
        self.folder = folder
        self.silent = silent
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        # As a server that greylists: who only asks for names is told nothing.
        if self.silent and envelope.mail_from in ("", "<>") and address.endswith("@" + self.silent):
            return "451 4.7.1 Come again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server, session, envelope):
        for recipient in envelope.rcpt_tos:
            self.count += 1
            part = os.path.join(self.folder, "tmp", str(self.count))
            with open(part, "wb") as file:
                top = f"Return-Path: <{envelope.mail_from}>\r\nX-Original-To: {recipient}\r\n"
                file.write(top.encode() + envelope.original_content)
            os.rename(part, os.path.join(self.folder, "new", str(self.count)))
        return "250 2.0.0 Ok: kept"


async def main():
    port, folder, silent = sys.argv[1:]
    keep = Keep(folder, silent)
    make = lambda: Destination(keep, data_size_limit=None, enable_SMTPUTF8=True, decode_data=False, ident="aiosmtpd")
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", int(port))
    await server.serve_forever()


asyncio.run(main())
