/* The word that says where a request is (Sources/Kaio/Request/State.swift), beside cancel, close (Request/Cancellation.swift,
 * Request/Closing.swift, Runtime/Exposure.swift) and fork (Request/Slab.swift). Request 1 waits in a queue; a worker makes its transfer,
 * or gives it to the kernel, whose event comes on another thread. Then the block is request 2's, which waits in a queue with another
 * lock. A change is a load and a store, by who has the request; who looks has nothing but request 1's sequence. Each change is one
 * that may follow, none is lost, each request ends once, no transfer is made with the number's next file, aio_cancel says "all done"
 * of what the program can see to be over, and the child of a fork finds none of the parent's requests and waits for none of its locks.
 *
 * Broken: TWO_LOADS (who looks compares the sequence and the state one after the other), NO_SEQUENCE (it does not compare it),
 * NO_LOCK (it takes the request without its queue's lock), LATE_STATE (the kernel has the request before its word says so),
 * NO_PUBLISHING (it is over before the program can see that), EARLY_END (it is exposed no more before its call), NO_RESET (the child
 * keeps the parent's word), LOCK_KEPT (and its lock). */

#define FREE 0
#define MADE 1
#define HELD 2
#define WAITING 3
#define IN_KERNEL 4
#define RUNNING 5
#define PUBLISHING 6
#define PUBLISHED 7

#define word(sequence, state) ((sequence) * 8 + (state))
#define sequence_of(word) ((word) / 8)
#define state_of(word) ((word) % 8)
#define is_in_flight(state) ((state) >= HELD && (state) <= RUNNING)
#define may(old, new) (((old) == MADE && (new) == HELD) || \
    ((old) == HELD && (new) > HELD && (new) != FREE) || \
    (((old) == WAITING || (old) == IN_KERNEL || (old) == RUNNING) && (new) == HELD) || \
    ((old) == PUBLISHING && (new) == PUBLISHED))

byte whereabouts;
byte queued[2];      /* which request is in each queue */
bool locked[2];
byte kernel;         /* which one it has */
byte exposed;        /* the cell of the number */
byte file = 1;       /* what the number is */
bool inCall;         /* a system call that has the file */
bool submitted;
bool visible[3];     /* to the program: by sequence */

inline lock(which) { atomic { !locked[which] -> locked[which] = true } }
inline unlock(which) { locked[which] = false }

inline become(mine, next) {
    old = whereabouts;
    assert(sequence_of(old) == mine && may(state_of(old), next));
    whereabouts = word(mine, next)
}

inline wait(mine, which) {
    lock(which);
    queued[which] = mine;
    become(mine, WAITING);
    unlock(which)
}

inline takeNext(which) {
    lock(which);
    mine = queued[which];
    if
    :: mine != 0 -> queued[which] = 0; become(mine, HELD)
    :: else
    fi;
    unlock(which)
}

inline publish(mine) {
    assert(!visible[mine]);
#ifdef NO_PUBLISHING
    become(mine, PUBLISHED);
    visible[mine] = true;
#else
    become(mine, PUBLISHING);
    visible[mine] = true;
    become(mine, PUBLISHED);
#endif
    assert(state_of(whereabouts) == PUBLISHED);
    whereabouts = FREE;
    if
    :: mine == 1 ->
        whereabouts = word(2, MADE);
        become(2, HELD);
        wait(2, 1)
    :: else
    fi
}

proctype Submitter() {
    byte old;
    whereabouts = word(1, MADE);
    become(1, HELD);
    exposed++;
    wait(1, 0);
    submitted = true
}

proctype Worker() {
    byte old; byte mine;
    takeNext(0);
    if
    :: mine == 0 -> goto out
    :: mine != 0 -> /* its own call */
#ifdef EARLY_END
        exposed--;
#endif
        become(mine, RUNNING);
        assert(file == 1);
        inCall = true;
        skip; /* the transfer */
        inCall = false;
#ifndef EARLY_END
        exposed--;
#endif
        become(mine, HELD);
        publish(mine)
    :: mine != 0 -> /* the kernel's */
        assert(file == 1);
#ifdef LATE_STATE
        kernel = mine;
        become(mine, IN_KERNEL);
#else
        become(mine, IN_KERNEL);
        kernel = mine;
#endif
        exposed--
    fi;
out:
    skip
}

proctype Harvester() {
    byte old; byte mine;
end_no_event:
    kernel != 0;
    mine = kernel;
    kernel = 0;
    assert(state_of(whereabouts) == IN_KERNEL);
    become(mine, HELD);
    publish(mine)
}

/* The second request's. */
proctype Other() {
    byte old; byte mine;
end_not_made:
    queued[1] != 0;
    takeNext(1);
    publish(mine)
}

/* Whether request 1 waits: of its word. */
inline look() {
#ifdef NO_SEQUENCE
    isMine = state_of(whereabouts) == WAITING;
#else
#ifdef TWO_LOADS
    isMine = sequence_of(whereabouts) == 1;
    isMine = isMine && state_of(whereabouts) == WAITING;
#else
    old = whereabouts;
    isMine = sequence_of(old) == 1 && state_of(old) == WAITING;
#endif
#endif
}

inline cancel() {
#ifndef NO_LOCK
    lock(0);
#endif
    look();
    if
    :: isMine ->
        queued[0] = 0;
        become(1, HELD);
#ifndef NO_LOCK
        unlock(0);
#endif
        exposed--;
        publish(1)
    :: else ->
#ifndef NO_LOCK
        unlock(0)
#endif
    fi;
    skip
}

/* aio_cancel of all on the descriptor. */
proctype Canceller() {
    byte old; bool isMine;
    submitted;
    cancel();
    old = whereabouts;
    if
    :: sequence_of(old) == 1 && (is_in_flight(state_of(old)) || state_of(old) == PUBLISHING) -> skip /* not all */
    :: else -> assert(visible[1])
    fi
}

proctype Closer() {
    byte old; bool isMine;
    submitted;
    do
    :: exposed == 0 -> break
    :: exposed > 0 -> cancel();
        /* A call that has the file does no harm. */
        old = whereabouts;
        if
        :: exposed == 0 || (state_of(old) == RUNNING && inCall) -> break
        :: else
        fi
    od;
    file = 2
}

/* A child has the memory as it was at the fork, and one thread. */
proctype Child() {
    byte copy; bool lockCopy; byte queue;
    atomic { copy = whereabouts; lockCopy = locked[0]; queue = queued[0] }
#ifndef NO_RESET
    copy = FREE; queue = 0;
#endif
#ifndef LOCK_KEPT
    lockCopy = false;
#endif
    /* It cancels the parent's. */
    !lockCopy;
    assert(!(sequence_of(copy) == 1 && state_of(copy) == WAITING) && queue == 0);
    /* And has one of its own in the block, whose sequence is another. */
    copy = word(3, MADE);
    copy = word(3, HELD);
    assert(sequence_of(copy) != 1)
}

init {
    atomic {
        run Submitter(); run Worker(); run Harvester(); run Other(); run Canceller();
        if
        :: run Closer()
        :: run Child()
        fi
    }
}
