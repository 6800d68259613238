// What a frame that is left, by a cancellation, should have done: how often each was.
#ifndef UNWOUND_H
#define UNWOUND_H

static int destroyed, handled;

static inline void destroy(int *unused) {
    (void)unused;
    destroyed++;
}

static inline void handle(void *unused) {
    (void)unused;
    handled++;
}

#endif
