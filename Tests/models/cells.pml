/* OrderedCells (Sources/Kaio/Modules/OrderedCells.swift): requests that pass without the lock, and those under it. Three writes of
 * one file: two of the same cell, and a wide one that covers all. They are numbered as they are called; each waits for the earlier
 * ones that are registered. Whatever had entered when the call began, and is not over, is waited for.
 *
 * Broken: COUNT_LATE (a wide request counts itself when it is on its way), NO_FILE (a narrow one does not
 * look whether there are wide ones), KEEP_WORD (who finds a cell taken does not adopt its holder), LEAVE_FREE (who leaves does not
 * ask whether it was adopted). */

#define NONE 0
#define FREE 1
#define ADOPTED 2

byte cell;          /* 0, or the holder's number + 1; 10 + n: n requests, under the lock */
byte narrow; byte wide; /* the file's word */
byte lane[3];       /* of each request: a state */
bool registered[3]; /* in the tree; by the lock */
bool entered[3];
bool over[3];
byte number[3]; byte calls; byte gone;
bool locked;

inline lock() { atomic { !locked -> locked = true } }
inline unlock() { locked = false }

inline begin() {
    d_step {
        calls++; number[me] = calls;
        must[0] = entered[0] && !over[0]; must[1] = entered[1] && !over[1]; must[2] = entered[2] && !over[2]
    }
}

inline check() {
    d_step { assert(!(must[0] && !over[0]) && !(must[1] && !over[1]) && !(must[2] && !over[2])) }
}

/* Under the lock. */
inline adopt(other) {
    if
    :: atomic { lane[other] == FREE -> lane[other] = ADOPTED }; registered[other] = true
    :: else
    fi
}

/* One more in the cell, under the lock. */
inline add() {
    do
    :: word = cell;
        if
        :: word == 0 -> next = 11
        :: word >= 10 -> next = word + 1
        :: else ->
            next = 11;
#ifndef KEEP_WORD
            if
            :: lane[word - 1] == ADOPTED -> next = 12
            :: lane[word - 1] == FREE -> adopt(word - 1);
                if
                :: registered[word - 1] -> next = 12
                :: else
                fi
            :: else
            fi
#endif
        fi;
        if
        :: atomic { cell == word -> cell = next }; break
        :: else
        fi
    od;
    skip
}

inline remove() {
    do
    :: word = cell;
        if
        :: word > 11 -> next = word - 1
        :: word == 11 -> next = 0
        :: word == me + 1 -> next = 0
        :: else -> break
        fi;
        if
        :: atomic { cell == word -> cell = next }; break
        :: else
        fi
    od;
    skip
}

/* Waits for every earlier one that was registered. */
inline awaitOthers() {
    byte i;
    for (i : 0 .. 2) {
        if
        :: i != me && before[i] -> !registered[i]
        :: else
        fi
    }
}

proctype Narrow(byte me) {
    byte word; byte next; byte others; bool held = false; bool before[3]; bool must[3];
    begin();
    lane[me] = FREE;
    skip;
    d_step { others = wide; narrow++ };
    if
#ifdef NO_FILE
    :: true ->
#else
    :: others == 0 ->
#endif
        if
        :: atomic { cell == 0 -> cell = me + 1; held = true; entered[me] = true }; goto go
        :: else
        fi
#ifndef NO_FILE
    :: else
#endif
    fi;
    lock();
    adopt(me);
    if
    :: !held -> add()
    :: else
    fi;
    skip;
    d_step {
        before[0] = registered[0] && number[0] < number[me]; before[1] = registered[1] && number[1] < number[me];
        before[2] = registered[2] && number[2] < number[me]; entered[me] = true
    };
    unlock();
    awaitOthers();
go:
    check();
    over[me] = true;
    /* The end. */
    if
#ifdef LEAVE_FREE
    :: atomic { held -> lane[me] = NONE };
#else
    :: atomic { held && lane[me] == FREE -> lane[me] = NONE };
#endif
        atomic { if :: cell == me + 1 -> cell = 0 :: else fi };
        narrow--
    :: else ->
        lock();
        registered[me] = false; lane[me] = NONE; narrow--;
        remove();
        unlock()
    fi;
    gone++
}

proctype Wide(byte me) {
    byte others; bool before[3]; bool must[3];
    begin();
    lock();
    registered[me] = true;
    d_step {
        others = narrow;
#ifndef COUNT_LATE
        wide++
#endif
    };
    if
    :: others != 0 -> adopt(0); adopt(1)
    :: else
    fi;
    skip;
    d_step {
        before[0] = registered[0] && number[0] < number[me]; before[1] = registered[1] && number[1] < number[me];
        before[2] = false; entered[me] = true
    };
    unlock();
#ifdef COUNT_LATE
    wide++;
#endif
    awaitOthers();
    check();
    over[me] = true;
    lock();
    registered[me] = false; wide--;
    unlock();
    gone++
}

init {
    atomic { run Narrow(0); run Narrow(1); run Wide(2) }
    (gone == 3);
    assert(cell == 0 && narrow == 0 && wide == 0)
}
