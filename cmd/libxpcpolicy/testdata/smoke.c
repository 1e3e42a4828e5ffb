/*
 * Calls every function of the library from many threads at once, rightly and wrongly.
 *
 *     smoke POLICY RECORDING ALLOWED DENIED THREADS CALLS
 *
 * ALLOWED and DENIED are audit tokens in hexadecimal digits. It prints "ok" and ends
 * with 0 when each answer was what it had to be.
 */
#include "xpcpolicy.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static xpcpolicy_guard guard;
static uint8_t allowed[XPCPOLICY_TOKEN_SIZE], denied[XPCPOLICY_TOKEN_SIZE];
static const char *policy, *recording;
static long calls;
static atomic_long wrong, made;

#define CHECK(condition)                                                  \
    do {                                                                  \
        if (!(condition)) {                                               \
            atomic_fetch_add(&wrong, 1);                                  \
            fprintf(stderr, "smoke.c:%d: not %s\n", __LINE__, #condition); \
        }                                                                 \
    } while (0)

static void parse(const char *hex, uint8_t *token) {
    for (int i = 0; i < XPCPOLICY_TOKEN_SIZE; i++) {
        unsigned value = 0;
        if (sscanf(hex + 2 * i, "%2x", &value) != 1) {
            fprintf(stderr, "smoke: a token has 64 hexadecimal digits\n");
            exit(2);
        }
        token[i] = (uint8_t)value;
    }
}

static void ask(long n) {
    xpcpolicy_decision d = XPCPOLICY_DECISION_INIT;
    memset(d.message, 'x', sizeof d.message); /* nothing of it may be left */
    switch (n % 8) {
    case 0:
    case 1:
        CHECK(xpcpolicy_allow(guard, allowed, NULL, &d) == 1);
        CHECK(d.outcome == XPCPOLICY_ALLOWED && d.status == 0);
        CHECK(strcmp(d.reason, "rule") == 0 && strcmp(d.rule, "clients") == 0);
        CHECK(strncmp(d.message, "RECORDING: ", 11) == 0 && strlen(d.message) < sizeof d.message - 1);
        break;
    case 2:
        CHECK(xpcpolicy_allow(guard, denied, "", &d) == 0);
        CHECK(d.outcome == XPCPOLICY_DENIED && d.status != 0 && d.reason[0] != 0 && d.message[0] != 0);
        break;
    case 3: {
        uint8_t nobody[XPCPOLICY_TOKEN_SIZE];
        memset(nobody, (int)n, sizeof nobody);
        CHECK(xpcpolicy_allow(guard, nobody, NULL, &d) == 0);
        CHECK(d.outcome != XPCPOLICY_ALLOWED && d.status != 0);
        break;
    }
    case 4:
        CHECK(xpcpolicy_allow(guard, allowed, "erase", NULL) == 1); /* nobody asks why */
        CHECK(xpcpolicy_allow(guard, denied, "erase", NULL) == 0);
        break;
    case 5:
        CHECK(xpcpolicy_allow(guard, NULL, NULL, &d) == 0 && d.outcome == XPCPOLICY_DENIED && d.status != 0);
        CHECK(xpcpolicy_allow(0, allowed, NULL, &d) == 0 && d.outcome == XPCPOLICY_DENIED);
        CHECK(xpcpolicy_allow(guard + 1000000, allowed, NULL, &d) == 0 && strstr(d.message, "no such guard") != NULL);
        break;
    case 6:
        d.size = 8; /* a program that was built with something else */
        d.outcome = XPCPOLICY_DENIED;
        CHECK(xpcpolicy_allow(guard, allowed, NULL, &d) == 0);
        CHECK(d.outcome == XPCPOLICY_DENIED && d.message[0] == 'x');
        break;
    case 7:
        if (n % 512 == 7) {
            char *json = xpcpolicy_explain(guard, n % 1024 == 7 ? allowed : denied, NULL);
            CHECK(json != NULL && json[0] == '{' && strstr(json, "\"recording\":true") != NULL);
            CHECK(strstr(json, "recording") != NULL);
            xpcpolicy_free(json);
            CHECK(xpcpolicy_explain(guard, NULL, NULL) == NULL);
            CHECK(xpcpolicy_explain(0, allowed, NULL) == NULL);
        }
        if (n % 2048 == 15) {
            char *error = NULL;
            CHECK(xpcpolicy_reload(guard, &error) == 1 && error == NULL);
            CHECK(xpcpolicy_reload_error(guard) == NULL);
            CHECK(xpcpolicy_reload(0, &error) == 0 && error != NULL);
            xpcpolicy_free(error);
        }
        if (n % 8192 == 23) { /* a guard of its own, closed twice */
            xpcpolicy_options o = XPCPOLICY_OPTIONS_INIT;
            o.strength = XPCPOLICY_STRENGTH_MESSAGE;
            xpcpolicy_guard own = xpcpolicy_open_recording(policy, &o, recording, NULL);
            CHECK(own != 0 && xpcpolicy_allow(own, allowed, NULL, NULL) == 1);
            xpcpolicy_close(own);
            xpcpolicy_close(own);
            CHECK(xpcpolicy_allow(own, allowed, NULL, &d) == 0);
        }
        break;
    }
}

static void *work(void *unused) {
    (void)unused;
    for (;;) {
        long n = atomic_fetch_add(&made, 1);
        if (n >= calls)
            return NULL;
        ask(n);
    }
}

static void refusals(void) {
    char *error = NULL;
    xpcpolicy_options o = XPCPOLICY_OPTIONS_INIT;
    CHECK(xpcpolicy_open("/nonexistent/policy.yaml", &o, &error) == 0 && error != NULL);
    xpcpolicy_free(error);
    CHECK(xpcpolicy_open(NULL, NULL, &error) == 0 && error != NULL);
    xpcpolicy_free(error);
    CHECK(xpcpolicy_open_recording(policy, &o, "/nonexistent", NULL) == 0);
    o.strength = 9;
    CHECK(xpcpolicy_open_recording(policy, &o, recording, &error) == 0 && error != NULL);
    xpcpolicy_free(error);
    o.size = 4;
    CHECK(xpcpolicy_open_recording(policy, &o, recording, &error) == 0 && error != NULL);
    xpcpolicy_free(error);
    xpcpolicy_free(NULL);
    xpcpolicy_close(0);
    xpcpolicy_decision zero;
    memset(&zero, 0, sizeof zero);
    CHECK(zero.outcome != XPCPOLICY_ALLOWED);
    /* nobody said where tokens come from */
    xpcpolicy_guard g = xpcpolicy_open_recording(policy, NULL, recording, &error);
    xpcpolicy_decision d = XPCPOLICY_DECISION_INIT;
    CHECK(g != 0 && xpcpolicy_allow(g, allowed, NULL, &d) == 0);
    CHECK(d.outcome == XPCPOLICY_COULD_NOT_TELL && strcmp(d.reason, "floor:token-strength") == 0);
    xpcpolicy_close(g);
}

int main(int argc, char **argv) {
    if (argc != 7) {
        fprintf(stderr, "usage: smoke POLICY RECORDING ALLOWED DENIED THREADS CALLS\n");
        return 2;
    }
    policy = argv[1];
    recording = argv[2];
    parse(argv[3], allowed);
    parse(argv[4], denied);
    int threads = atoi(argv[5]);
    calls = atol(argv[6]);
    char *error = NULL;
    xpcpolicy_options o = XPCPOLICY_OPTIONS_INIT;
    o.strength = XPCPOLICY_STRENGTH_MESSAGE;
    o.reload_ms = 50;
    guard = xpcpolicy_open_recording(policy, &o, recording, &error);
    if (guard == 0) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    refusals();
    pthread_t thread[64];
    if (threads < 1 || threads > 64)
        threads = 8;
    for (int i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, work, NULL) != 0)
            return 1;
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    xpcpolicy_close(guard);
    CHECK(xpcpolicy_allow(guard, allowed, NULL, NULL) == 0);
    if (atomic_load(&wrong) != 0) {
        fprintf(stderr, "smoke: %ld wrong answers\n", atomic_load(&wrong));
        return 1;
    }
    printf("ok %ld calls, %d threads, library %s\n", calls, threads, xpcpolicy_version());
    return 0;
}
