/*
 * Who hears of a connection's completions (VFS/Connection.swift). Workers complete requests: they call the callback themselves, or leave the
 * request to the thread that serves the connection, or put it in the list `ready` and signal the eventfd, once until somebody has looked,
 * and not under the lock. The connection's thread serves, then sleeps until the eventfd is signalled, dispatches, and so on.
 *
 * What must hold: when nothing moves any more, every request's callback has been called.
 *
 * Broken: NOT_DRAINED (the thread stops serving without another look), NOT_AGAIN (who dispatches ends without another look),
 * FLAG_KEPT (who dispatches does not take back that the eventfd was signalled), RESET_LATE (the eventfd is reset after the look, while
 * completions signal)
 */
#define WORKERS 2
#define EACH 2

bool served = false, dispatching = false, signalled = false;
byte done = 0, ready = 0, called = 0, event = 0;

proctype Worker() {
    byte round = 0;
    bool tells;
    do
    :: round < EACH ->
        if
        :: /* an immediate callback, under the lock: left, or called */
            atomic {
                if
                :: served -> done++
                :: else -> called++
                fi
            }
        :: /* one for the program's thread */
            atomic {
                ready++;
                tells = !dispatching && !signalled;
                if
                :: tells -> signalled = true
                :: else
                fi
            }
            if
            :: tells -> event = 1
            :: else
            fi
        fi;
        round++
    :: else -> break
    od
}

proctype Server() {
    bool again;
    do
    :: served = true;
        atomic { called = called + done; done = 0 }
#ifdef NOT_DRAINED
        served = false;
#else
        atomic { called = called + done; done = 0; served = false }
#endif
        /* poll */
end:    (event > 0);
        atomic {
            dispatching = true;
#ifndef FLAG_KEPT
            signalled = false
#endif
        }
#ifndef RESET_LATE
        event = 0;
#endif
        atomic { called = called + ready; ready = 0 }
#ifdef NOT_AGAIN
        dispatching = false;
#else
        atomic {
            dispatching = false;
            again = ready > 0;
            if
            :: again -> signalled = true
            :: else
            fi
        }
        if
        :: again -> event = 1
        :: else
        fi;
#endif
#ifdef RESET_LATE
        event = 0
#endif
    od
}

init {
    atomic {
        run Worker();
        run Worker();
        run Server()
    }
    (timeout);
    assert(called == WORKERS * EACH)
}
