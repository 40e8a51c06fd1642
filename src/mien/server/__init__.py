"""The service that apps call: photos, videos and live pictures in, readings out. `mien.server.app.create_app` makes it.

Pictures are decoded and read in processes of their own (`readers`), which can be killed, so that no picture stops the
service; the process that talks to the clients never decodes one.
"""
