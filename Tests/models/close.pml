/* close and its kin beside a request that waits (Sources/Kaio/Request/Closing.swift, Request/Cancellation.swift, Runtime/Exposure.swift,
 * Runtime/Workers.swift): a worker takes the request out of its queue and uses its descriptor's number; a program cancels it, closes
 * the number, and opens another file, which gets the same one. The block is used again for another request, which is not the one
 * that anybody means. No transfer is made with the other file, and each request ends once.
 *
 * Broken: NO_LOOK (the worker does not look at the file once more), NO_COUNT (the request is not counted as one that uses the
 * number), NO_SEQUENCE (who cancels does not look which request is in the block), EARLY_END (it is counted no more before its
 * call). */

byte file = 1;      /* what the number is: 1, 2, or 0 for none */
byte exposed;       /* the number's cell */
byte sequence = 1;  /* of the request in the block; 0: free */
bool queued = true;
bool inCall;        /* a system call that has the file */
bool locked;
byte ended[3];      /* by sequence, how often */
bool looked;        /* the worker has looked at the file */
bool closedBehind;  /* after that, by a call that the library does not see: the gap that remains */

inline lock() { atomic { !locked -> locked = true } }
inline unlock() { locked = false }

inline finish(which) {
    assert(ended[which] == 0);
    ended[which]++
}

proctype Worker() {
    byte mine; byte seen;
    lock();
    if
    :: queued -> queued = false; mine = sequence; unlock()
    :: else -> unlock(); goto out
    fi;
#ifdef EARLY_END
    exposed--;
#endif
#ifndef NO_LOOK
    d_step { seen = file; looked = true };
    if
    :: seen != 1 -> goto end
    :: else
    fi;
#endif
    /* In between nobody closes the number who looks at the cell. */
    assert(file == 1 || closedBehind);
    inCall = true;
    skip; /* the transfer */
    inCall = false;
end:
#if !defined(EARLY_END) && !defined(NO_COUNT)
    exposed--;
#endif
    finish(mine);
    sequence = 0;
    /* The block is another request's, which a thread is just making. */
    sequence = 2;
out:
    skip
}

/* aio_cancel by a pointer to the request: its number and sequence. */
inline cancel() {
    lock();
    if
#ifdef NO_SEQUENCE
    :: queued || sequence == 2 ->
#else
    :: sequence == 1 && queued ->
#endif
        queued = false;
        unlock();
#ifndef NO_COUNT
        exposed--;
#endif
        assert(sequence == 1);
        finish(1)
    :: else -> unlock()
    fi
}

proctype Canceller() { cancel() }

proctype Closer() {
    do
    :: exposed == 0 -> break
    :: exposed > 0 -> cancel();
        /* A worker in a call that has the file does no harm. */
        if
        :: exposed == 0 || inCall -> break
        :: exposed > 0 && !inCall -> skip
        fi
    od;
    file = 0;
    file = 2
}

proctype Behind() {
    atomic {
        if
        :: file == 1 -> closedBehind = looked; file = 2
        :: else
        fi
    }
}

init {
    atomic {
#ifndef NO_COUNT
        exposed = 1;
#endif
        run Worker(); run Canceller(); run Closer();
        if
        :: run Behind()
        :: skip
        fi
    }
}
