/*
 * A block of the cache: who reads it without the lock, and who evicts it and fills it for another key (Modules/BlockCache.swift).
 * Two readers look for keys 1 and 2; the holder of the lock gives the block the keys 1, 2, 1, ... in turn, and sometimes throws it away
 * (`failed`), after which it is taken again only when nobody counts himself in.
 *
 * What must hold: a reader that copies gets the data of the key that it looked for, all of it.
 *
 * Broken: NOT_COUNTED (who evicts does not look for readers), KEY_FIRST (the key is looked at before the reader counts himself in, and
 * not again), TAKEN_AT_ONCE (what was thrown away is taken though somebody may still read it)
 */
bool readable = false;
byte readers = 0;
byte key = 0;
byte first = 0, second = 0; /* the data */

proctype Reader(byte wanted) {
    byte one, two;
    bool sees;
    do
    :: key == wanted ->
        atomic { readers++; sees = readable }
        if
#ifdef KEY_FIRST
        :: sees ->
#else
        :: sees && key == wanted ->
#endif
            one = first;
            two = second;
            assert(one == wanted && two == wanted)
        :: else
        fi;
        readers--
    :: break
    od
}

proctype Holder() {
    byte round = 0;
    bool done;
    do
    :: round < 4 ->
        /* Free: fill it. */
        key = 1 + round % 2;
        first = key;
        second = key;
        readable = true;
        if
        :: /* evict */
            done = false;
            do
            :: !done ->
                atomic {
                    if
#ifdef NOT_COUNTED
                    :: readable = false; done = true
#else
                    :: readers == 0 -> readable = false; done = true
                    :: else
#endif
                    fi
                }
            :: done -> break
            od
        :: /* throw away: found by nobody any more, and taken when nobody is there */
            readable = false;
#ifndef TAKEN_AT_ONCE
            (readers == 0)
#endif
        fi;
        round++
    :: else -> break
    od
}

init {
    atomic {
        run Reader(1);
        run Reader(2);
        run Holder()
    }
}
