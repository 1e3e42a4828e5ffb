/*
 * Prints how many nanoseconds one question takes that was asked before.
 *
 *     bench POLICY RECORDING TOKEN CALLS
 */
#include "xpcpolicy.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

int main(int argc, char **argv) {
    uint8_t token[XPCPOLICY_TOKEN_SIZE];
    if (argc != 5)
        return 2;
    for (int i = 0; i < XPCPOLICY_TOKEN_SIZE; i++) {
        unsigned value = 0;
        if (sscanf(argv[3] + 2 * i, "%2x", &value) != 1)
            return 2;
        token[i] = (uint8_t)value;
    }
    xpcpolicy_options o = XPCPOLICY_OPTIONS_INIT;
    o.strength = XPCPOLICY_STRENGTH_MESSAGE;
    xpcpolicy_guard guard = xpcpolicy_open_recording(argv[1], &o, argv[2], NULL);
    xpcpolicy_decision d = XPCPOLICY_DECISION_INIT;
    long n = atol(argv[4]);
    for (long i = 0; i < 1000; i++)
        if (xpcpolicy_allow(guard, token, NULL, &d) != 1)
            return 1;
    double begin = now();
    for (long i = 0; i < n; i++)
        if (xpcpolicy_allow(guard, token, NULL, &d) != 1)
            return 1;
    printf("%.1f\n", (now() - begin) / (double)n);
    return 0;
}
