/*
 * One region of a file with two legs (Modules/Mirror.swift): one block that is written again and again, the log, a cleaner, recovery,
 * failures of a leg, kills, and power cuts, after which a leg has what was synchronized or anything later. Each branch of the loop is
 * one step that nothing can interrupt; a kill or a power cut may come between any two.
 *
 * What must hold whenever no write is under way: no leg from which a read may come is older than the last write that was complete
 * (after a power cut: that was complete and synchronized), and all legs that count as equal are equal. At the end, when recovery has
 * nothing left to do, they all are.
 *
 * Broken: LOG_LATE (data goes to a leg before the log says dirty), CLEAN_BLIND (the log says clean though a write began during the
 * sync), CLEAN_UNSYNCED (or without a sync), FAILURE_UNSAID (a write is complete before the log says that a leg missed it),
 * COPY_BUSY (a region is copied while a write of it is under way), COPY_UNSYNCED (the log says equal before a copy is safe), FSYNC_UNSAID
 * (an aio_fsync is complete before the log says that a leg had no part in it), LAST_UNSAFE (a leg fails while the other's copy is not safe yet, and is not made safe before the log says so)
 */
byte now[2], kept[2];         /* what a leg has, and what of it survives a power cut */
bool stale[2], unsafe[2];     /* in memory: differs; is equal, but only until a power cut */
bool syncing[2];              /* of `unsafe`: what the sync under way makes safe */
bool failed[2];
bool dirty, cleaning;         /* in memory: the log says dirty, and a sync is under way after which it may say clean */
bool log_dirty, log_stale[2]; /* on the disk, safe */
byte complete = 0, safe = 0;  /* the last version of which the program was told */
byte covered;
bool is_fsync = false;
byte version = 0;             /* that is being written, or was last */
mtype = { idle, logging, first, second, recording };
mtype writer = idle;
bool missed[2];
bool copying = false, recovering = false;
byte copied, from;
byte kills = 0, failures = 0, writes = 0;

#define ANY(l) (l == 0 || l == 1)
#define LIVE(l) (!failed[l] && !stale[l])
#define SOURCE (LIVE(0) -> 0 : 1)

inline check() {
    if
    :: writer == idle ->
        assert(!LIVE(0) || now[0] >= complete);
        assert(!LIVE(1) || now[1] >= complete);
        assert(!LIVE(0) || !LIVE(1) || now[0] == now[1])
    :: else
    fi
}

/* A program begins anew, and reads the log. */
inline restart() {
    writer = idle; recovering = false; copying = false; cleaning = false; is_fsync = false;
    failed[0] = false; failed[1] = false;
    unsafe[0] = false; unsafe[1] = false; syncing[0] = false; syncing[1] = false;
    missed[0] = false; missed[1] = false;
    stale[0] = log_stale[0]; stale[1] = log_stale[1];
    dirty = log_dirty;
    if
    :: log_dirty && !stale[0] -> stale[1] = true
    :: log_dirty && stale[0] -> assert(!stale[1])
    :: else
    fi
}

inline write_log() {
    log_dirty = dirty;
    log_stale[0] = stale[0] || unsafe[0] || syncing[0];
    log_stale[1] = stale[1] || unsafe[1] || syncing[1]
}

inline write_leg(l) {
    if
    :: failed[l] -> missed[l] = true
    :: stale[l] -> skip
    :: !failed[l] && !stale[l] -> now[l] = version
    :: !failed[l] && !stale[l] && failures < 1 && !failed[1 - l] && !stale[1 - l] ->
        failures++; failed[l] = true; missed[l] = true
    fi
}

inline sync_legs() {
    if
    :: !failed[0] -> kept[0] = now[0]
    :: else
    fi;
    if
    :: !failed[1] -> kept[1] = now[1]
    :: else
    fi
}

init {
    byte l;
    do
    /* a write */
    :: atomic { writer == idle && !recovering && writes < 3 ->
        writes++; version++;
        cleaning = false;
        if
        :: !dirty -> writer = logging
        :: dirty -> writer = first
        fi }
    :: atomic { writer == logging ->
#ifdef LOG_LATE
        writer = first
#else
        dirty = true;
        /* What a failed leg is about to miss too. */
        stale[0] = stale[0] || failed[0]; stale[1] = stale[1] || failed[1];
        write_log(); writer = first
#endif
        }
    :: atomic { writer == first -> write_leg(0); writer = second }
    :: atomic { writer == second -> write_leg(1);
#ifdef LOG_LATE
        dirty = true; write_log();
#endif
        stale[0] = stale[0] || missed[0]; stale[1] = stale[1] || missed[1];
#ifndef LAST_UNSAFE
        /* The only leg that is left is made safe before the log says that the other is none. */
        if
        :: stale[0] && !failed[1] -> kept[1] = now[1]; unsafe[1] = false; syncing[1] = false
        :: stale[1] && !failed[0] -> kept[0] = now[0]; unsafe[0] = false; syncing[0] = false
        :: else
        fi;
#endif
        writer = recording }
    :: atomic { writer == recording ->
#ifndef FAILURE_UNSAID
        if
        :: missed[0] || missed[1] -> write_log()
        :: else
        fi;
#endif
        missed[0] = false; missed[1] = false;
        complete = version; writer = idle; check() }
    /* the program's aio_fsync */
    :: atomic { writer == idle && !is_fsync && complete > safe -> is_fsync = true; covered = complete }
    :: atomic { is_fsync ->
        sync_legs();
#ifndef FSYNC_UNSAID
        if
        :: failed[0] || failed[1] ->
            stale[0] = stale[0] || failed[0]; stale[1] = stale[1] || failed[1];
            unsafe[0] = false; unsafe[1] = false; syncing[0] = false; syncing[1] = false;
            write_log()
        :: else
        fi;
#endif
        safe = covered; is_fsync = false }
    /* the log becomes clean */
    :: atomic { (dirty || unsafe[0] || unsafe[1]) && writer == idle && !cleaning && !syncing[0] && !syncing[1] ->
        cleaning = true;
        syncing[0] = unsafe[0]; syncing[1] = unsafe[1]; unsafe[0] = false; unsafe[1] = false }
    :: atomic { cleaning || syncing[0] || syncing[1] ->
#ifndef CLEAN_UNSYNCED
        sync_legs();
#endif
        syncing[0] = false; syncing[1] = false;
#ifdef CLEAN_BLIND
        dirty = false;
#else
        if
        :: cleaning -> dirty = false
        :: else
        fi;
#endif
        cleaning = false;
        write_log() }
    /* recovery */
    :: atomic { !recovering && (stale[0] || stale[1]) && !(stale[0] && failed[0]) && !(stale[1] && failed[1]) &&
                (LIVE(0) || LIVE(1)) -> recovering = true }
#ifdef COPY_BUSY
    :: atomic { recovering && !copying -> copying = true; from = SOURCE; copied = now[from] }
#else
    :: atomic { recovering && !copying && writer == idle -> copying = true; from = SOURCE; copied = now[from] }
#endif
    :: atomic { copying ->
        now[1 - from] = copied;
        stale[1 - from] = false;
#ifdef COPY_UNSYNCED
        write_log();
#else
        unsafe[1 - from] = true;
#endif
        copying = false; recovering = false; check() }
    /* a failed leg is tried again */
    :: atomic { writer == idle && !recovering && (failed[0] || failed[1]) ->
        l = (failed[0] -> 0 : 1); failed[l] = false; stale[l] = true }
    /* a kill */
    :: atomic { kills < 2 -> kills++; version = (now[0] > now[1] -> now[0] : now[1]); restart(); check() }
    /* a power cut */
    :: atomic { kills < 2 -> kills++;
        if
        :: now[0] = kept[0]
        :: kept[0] = now[0]
        fi;
        if
        :: now[1] = kept[1]
        :: kept[1] = now[1]
        fi;
        version = (now[0] > now[1] -> now[0] : now[1]);
        complete = safe; restart(); check() }
    /* the end: nothing is left to recover */
    :: atomic { writer == idle && !recovering && !stale[0] && !stale[1] && !failed[0] && !failed[1] ->
        assert(now[0] == now[1]); break }
    od
}
