/* Waiting (Sources/Kaio/Runtime/Waiting.swift): leader, followers and publication, without the timeouts. Request 0 is completed
 * by a worker, which publishes it itself; request 1 by the kernel, whose event somebody has to take out of the ring. Thread i
 * waits for request i; thread 2 looks for request 1 once and goes. Nobody sleeps for ever: there is no invalid end state.
 *
 * Broken: MARK_LATE (does not look at its request again when it has marked it), NO_COUNT (nor
 * at the count before it sleeps), NO_PASS (a kick that was another's is swallowed), LEAVE_QUIETLY (a leader that goes wakes
 * no follower). */

#define WAITERS 2

byte publications;
byte leader;        /* 0, or the thread's number + 1 */
byte followers;
bool done[2];
bool awaited[2];
bool event;         /* of request 1, in the ring */
byte kicks;         /* in the ring; one at a time */
bool kickSent;
bool asleep[3];     /* on the futex */

inline wakeFollowers() { asleep[0] = false; asleep[1] = false; asleep[2] = false }

inline kick() {
    if
    :: atomic { !kickSent -> kickSent = true } ; kicks++
    :: else
    fi
}

inline tellAll() {
    publications++;
    if
    :: followers != 0 -> d_step { wakeFollowers() }
    :: else
    fi;
    if
    :: leader != 0 -> kick()
    :: else
    fi
}

inline publish(number) {
    done[number] = true;
    if
    :: awaited[number] -> tellAll()
    :: else
    fi
}

/* Takes what the ring has, if this thread may. */
inline harvest() {
    if
    :: (event || kicks > 0) ->
        if
        :: leader == 0 || leader == me + 1 ->
            bool gotEvent = false; bool gotKick = false;
            d_step {
                gotEvent = event; event = false;
                gotKick = kicks > 0; kicks = 0
            }
            if
            :: gotKick ->
                kickSent = false;
#ifndef NO_PASS
                if
                :: leader != 0 && leader != me + 1 -> kick()
                :: else
                fi
#endif
            :: else
            fi;
            if
            :: gotEvent -> publish(1)
            :: else
            fi
        :: else
        fi
    :: else
    fi
}

inline stepDown() {
    leader = 0;
#ifndef LEAVE_QUIETLY
    if
    :: followers != 0 -> publications++; d_step { wakeFollowers() }
    :: else
    fi
#endif
}

proctype Waiter(byte me; byte mine) {
    byte seen;
    bool marked = false;
#ifdef MARK_LATE
    bool looked;
#endif
again:
    seen = publications;
    harvest();
    if
    :: done[mine] -> goto over
    :: else
    fi;
#ifdef MARK_LATE
    if
    :: !marked -> awaited[mine] = true; marked = true
    :: else
    fi;
#else
    if
    :: !marked -> awaited[mine] = true; marked = true; goto again
    :: else
    fi;
#endif
#ifndef NO_COUNT
    if
    :: publications != seen -> goto again
    :: else
    fi;
#endif
    if
    :: atomic { leader == 0 -> leader = me + 1 }
        if
#ifdef NO_COUNT
        :: !event && kicks == 0 -> (event || kicks > 0)
#else
        :: publications == seen && !event && kicks == 0 -> (event || kicks > 0)
#endif
        :: else
        fi;
        stepDown();
        harvest()
    :: else ->
        followers++;
        if
        :: leader != 0 ->
            if
            :: atomic { publications == seen -> asleep[me] = true }; !asleep[me]
            :: else
            fi
        :: else
        fi;
        followers--
    fi;
    goto again;
over:
    skip
}

/* aio_error: takes what is there, and does not wait. */
proctype Looker(byte me) { harvest() }

proctype Worker() { publish(0) }
proctype Kernel() { event = true }

init {
    atomic {
        run Waiter(0, 0); run Waiter(1, 1); run Looker(2);
        run Worker(); run Kernel()
    }
}
