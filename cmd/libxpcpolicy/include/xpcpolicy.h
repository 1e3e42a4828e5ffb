/*
 * xpcpolicy.h: may the process with this audit token talk to me?
 *
 *     char *error = NULL;
 *     xpcpolicy_options options = XPCPOLICY_OPTIONS_INIT;
 *     options.strength = XPCPOLICY_STRENGTH_MESSAGE;
 *     xpcpolicy_guard guard = xpcpolicy_open("policy.yaml", &options, &error);
 *     ...
 *     xpcpolicy_decision decision = XPCPOLICY_DECISION_INIT;
 *     if (xpcpolicy_allow(guard, token, "", &decision) != 1)
 *         return refuse(decision.message);
 *
 * Ask for every message, with the message's own token. Every function may be called
 * by any thread at any time, and nothing calls back. Everything that goes wrong is a
 * denial: a bad handle, a null pointer, a timeout, a defect of the library.
 *
 * Text is UTF-8 that ends with NUL. Text that a function returns is freed with
 * xpcpolicy_free, except that of xpcpolicy_version. docs/c-abi.md explains it all.
 */
#ifndef XPCPOLICY_H
#define XPCPOLICY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this interface. It grows at the ends of the two structures only. */
#define XPCPOLICY_ABI 1

/* The length of an audit_token_t, in bytes. */
#define XPCPOLICY_TOKEN_SIZE 32

/* A policy and what was found out under it. 0 is none, and is always denied. */
typedef uint64_t xpcpolicy_guard;

/* Where the tokens come from that are handed over. */
enum {
    XPCPOLICY_STRENGTH_UNKNOWN = 0,    /* every policy denies that, unless it says otherwise */
    XPCPOLICY_STRENGTH_MESSAGE = 1,    /* from each message's own trailer */
    XPCPOLICY_STRENGTH_CONNECTION = 2, /* the connection's last message: racy */
    XPCPOLICY_STRENGTH_WEAK = 3        /* a socket's peer */
};

/* What an answer is. Only XPCPOLICY_ALLOWED lets anybody in. */
enum {
    XPCPOLICY_DENIED = 0,
    XPCPOLICY_ALLOWED = 1,
    XPCPOLICY_COULD_NOT_TELL = 2
};

typedef struct xpcpolicy_options {
    uint32_t size;       /* sizeof(xpcpolicy_options) */
    int32_t strength;    /* XPCPOLICY_STRENGTH_... */
    uint32_t timeout_ms; /* how long one question may take; 0: 5000 */
    uint32_t reload_ms;  /* look for a changed policy in this interval; 0: never */
    const char *profile; /* the policy's profile in force; NULL or "": none */
} xpcpolicy_options;

/* The caller's memory. All zeros, it is a denial. Texts that do not fit are cut. */
typedef struct xpcpolicy_decision {
    uint32_t size;     /* sizeof(xpcpolicy_decision); too small a one is left alone, and denied */
    int32_t outcome;   /* XPCPOLICY_DENIED, XPCPOLICY_ALLOWED or XPCPOLICY_COULD_NOT_TELL */
    int32_t status;    /* 0 for an allow, else an errSecCS number, as in -67050 */
    char reason[64];   /* a stable word, as in "floor:debuggable" */
    char rule[128];    /* the policy's rule that decided; "" for none */
    char message[512]; /* a sentence, which may quote untrusted text */
} xpcpolicy_decision;

#define XPCPOLICY_OPTIONS_INIT {sizeof(xpcpolicy_options), XPCPOLICY_STRENGTH_UNKNOWN, 0, 0, NULL}
#define XPCPOLICY_DECISION_INIT {sizeof(xpcpolicy_decision), XPCPOLICY_DENIED, 0, {0}, {0}, {0}}

/*
 * xpcpolicy_open loads a policy and runs the tests beside it. It returns 0 when the
 * policy does not load, does not pass, or no process can be identified on this
 * system, and says why in *error. options may be NULL, error too.
 */
xpcpolicy_guard xpcpolicy_open(const char *path, const xpcpolicy_options *options, char **error);

/*
 * xpcpolicy_open_recording is FOR TESTS ONLY: the kernel's answers come from a file
 * that "xpcpolicy peer --record" wrote, so that whoever wrote the file decides. Each
 * message begins with "RECORDING:", and a line on standard error says so.
 */
xpcpolicy_guard xpcpolicy_open_recording(const char *path, const xpcpolicy_options *options,
                                         const char *recording, char **error);

/*
 * xpcpolicy_allow returns 1 when the process may, and 0 for everything else. token
 * points to the 32 bytes of an audit_token_t. operation is what the caller asks for,
 * in the policy's words; NULL or "" is none. decision may be NULL.
 */
int xpcpolicy_allow(xpcpolicy_guard guard, const uint8_t *token, const char *operation,
                    xpcpolicy_decision *decision);

/*
 * xpcpolicy_explain decides again, and returns the decision and the way to it as
 * JSON, for logs and support; NULL when there is nothing to explain. It is slow.
 */
char *xpcpolicy_explain(xpcpolicy_guard guard, const uint8_t *token, const char *operation);

/*
 * xpcpolicy_reload loads the policy again and returns 1 when it is in force. After 0
 * the one before is, and *error says why.
 */
int xpcpolicy_reload(xpcpolicy_guard guard, char **error);

/* xpcpolicy_reload_error says why the last reload of reload_ms failed; NULL: it did not. */
char *xpcpolicy_reload_error(xpcpolicy_guard guard);

/* xpcpolicy_close ends a guard. Every later question to it is denied. */
void xpcpolicy_close(xpcpolicy_guard guard);

/* xpcpolicy_free frees text that a function returned; NULL is nothing. */
void xpcpolicy_free(char *text);

/* xpcpolicy_version is the version of the library. It is never freed. */
const char *xpcpolicy_version(void);

#ifdef __cplusplus
}
#endif

#endif
