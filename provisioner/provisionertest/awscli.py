"""Runs the AWS CLI again and again in one process, as starting it takes a second.

Reads one JSON list of arguments a line and answers one JSON object a line. What
is run is the command line itself, from its arguments to its exit code. With the name
of a service it tells what the CLI knows of that instead.
"""
import contextlib
import io
import json
import sys

from awscli.clidriver import create_clidriver

driver = create_clidriver()
answers = sys.stdout

if sys.argv[1:]:
    service = sys.argv[1]
    model = driver.session.get_service_model(service)
    waiters = driver.session.get_waiter_model(service).waiter_names
    pages = driver.session.get_paginator_model(service)._paginator_config
    json.dump({"operations": sorted(model.operation_names), "waiters": sorted(waiters), "paginators": sorted(pages)}, answers)
    sys.exit()

for line in sys.stdin:
    out, err = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in "12"]
    args = json.loads(line)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = driver.main(args)
        except SystemExit as e:
            code = e.code
    if "--no-sign-request" in args:  # it stays with the driver
        driver = create_clidriver()
    answers.write(json.dumps({"code": code or 0, "out": out.buffer.getvalue().decode(), "err": err.buffer.getvalue().decode()}) + "\n")
    answers.flush()
