/*
 * A server in C that decides about every message before it looks at it.
 *
 * On macOS it is an XPC service: build it with
 *
 *     cc -o server server.c -I../../../cmd/libxpcpolicy/include libxpcpolicy.a \
 *         -framework CoreFoundation -framework Security -lresolv
 *
 * Elsewhere there is no XPC, and it reads lines "TOKEN OPERATION" from standard input:
 * that is how it is tested. See docs/embedding.md.
 */
#include "xpcpolicy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static xpcpolicy_guard guard;

/* may decides about one message. token is the message's own. */
static int may(const uint8_t token[XPCPOLICY_TOKEN_SIZE], const char *operation) {
    xpcpolicy_decision d = XPCPOLICY_DECISION_INIT;
    if (xpcpolicy_allow(guard, token, operation, &d) == 1)
        return 1;
    fprintf(stderr, "refused %s: %s (%s, status %d)\n", operation, d.message, d.reason, d.status);
    return 0;
}

static int open_guard(const char *policy, const char *recording) {
    char *error = NULL;
    xpcpolicy_options o = XPCPOLICY_OPTIONS_INIT;
    o.strength = XPCPOLICY_STRENGTH_MESSAGE;
    o.reload_ms = 10000;
    guard = recording != NULL ? xpcpolicy_open_recording(policy, &o, recording, &error)
                              : xpcpolicy_open(policy, &o, &error);
    if (guard == 0) { /* no policy: the server does not start */
        fprintf(stderr, "%s\n", error);
        xpcpolicy_free(error);
        return 0;
    }
    return 1;
}

#ifdef __APPLE__

#include <bsm/audit.h>
#include <xpc/xpc.h>

/* Not in the headers, and exported since OS X 10.7: the token of the MESSAGE. */
extern void xpc_dictionary_get_audit_token(xpc_object_t message, audit_token_t *token);

static void handle(xpc_connection_t peer, xpc_object_t message) {
    if (xpc_get_type(message) != XPC_TYPE_DICTIONARY)
        return; /* an error, which has no sender */
    const char *operation = xpc_dictionary_get_string(message, "operation");
    audit_token_t token;
    xpc_dictionary_get_audit_token(message, &token);
    if (!may((const uint8_t *)&token, operation != NULL ? operation : "")) {
        xpc_connection_cancel(peer);
        return;
    }
    xpc_object_t reply = xpc_dictionary_create_reply(message);
    if (reply != NULL) {
        xpc_dictionary_set_bool(reply, "done", true);
        xpc_connection_send_message(peer, reply);
        xpc_release(reply);
    }
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: server POLICY SERVICE\n");
        return 2;
    }
    if (!open_guard(argv[1], NULL))
        return 1;
    xpc_connection_t listener = xpc_connection_create_mach_service(argv[2], NULL, XPC_CONNECTION_MACH_SERVICE_LISTENER);
    xpc_connection_set_event_handler(listener, ^(xpc_object_t peer) {
      if (xpc_get_type(peer) != XPC_TYPE_CONNECTION)
          return;
      /* A second floor (macOS 12): the system drops what does not satisfy it. */
      if (xpc_connection_set_peer_code_signing_requirement(peer, "anchor apple generic and certificate leaf[subject.OU] = ABCDE12345") != 0) {
          xpc_connection_cancel(peer);
          return;
      }
      xpc_connection_set_event_handler(peer, ^(xpc_object_t message) { handle(peer, message); });
      xpc_connection_activate(peer);
    });
    xpc_connection_activate(listener);
    dispatch_main();
}

#else

static int parse(const char *hex, uint8_t token[XPCPOLICY_TOKEN_SIZE]) {
    for (int i = 0; i < XPCPOLICY_TOKEN_SIZE; i++) {
        unsigned value = 0;
        if (sscanf(hex + 2 * i, "%2x", &value) != 1)
            return 0;
        token[i] = (uint8_t)value;
    }
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: server POLICY RECORDING\n");
        return 2;
    }
    if (!open_guard(argv[1], argv[2]))
        return 1;
    char line[256], hex[65], operation[128];
    while (fgets(line, sizeof line, stdin) != NULL) {
        uint8_t token[XPCPOLICY_TOKEN_SIZE];
        operation[0] = 0;
        if (sscanf(line, "%64s %127s", hex, operation) < 1 || !parse(hex, token)) {
            puts("no token");
            continue;
        }
        puts(may(token, operation) ? "done" : "refused");
    }
    xpcpolicy_close(guard);
    return 0;
}

#endif
