#!/bin/bash
# SQLite works on a file that is opened with O_DIRECT, with bufio in both modes, and not without; what it said is committed is there after kill -9.
. "$CHECK_ROOT/Tests/parts/support.bash"
export LC_ALL=C

stack="bufio ordered aio_linux aio_poll aio_pthread"
open=".load $BUILD/direct
.open numbers.db
PRAGMA cache_size = 16;"
make_table="CREATE TABLE numbers(number INTEGER PRIMARY KEY, text TEXT);"
fill="WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < 20000) INSERT INTO numbers SELECT n, 'number ' || n FROM up;"
change="DELETE FROM numbers WHERE number % 3 = 0; VACUUM; SELECT count(*), sum(number) FROM numbers;"

plain() { sqlite3 numbers.db "$1"; }
direct() { with "$stack" "bufio:mode=$mode; bufio:size=512k" sqlite3 -bail :memory:; }

# O_DIRECT does not take SQLite's reads.
if with "ordered aio_linux aio_poll aio_pthread" "" sqlite3 -bail :memory: <<<"$open$make_table" 2>said; then
    fail "without a cache it works too: there is nothing to show"
fi
grep -q "disk I/O error" said || fail "without a cache: $(<said)"

for mode in writethrough writeback; do
    rm -f numbers.db*
    direct <<<"$open$make_table$fill$change" >said || fail "$mode: sqlite3 ends with $?"
    [[ $(<said) == "13334|133346667" ]] || fail "$mode: $(<said)"
    [[ $(plain "SELECT count(*), sum(number) FROM numbers") == "13334|133346667" ]] || fail "$mode: the file has something else"
    [[ $(plain "PRAGMA integrity_check") == ok ]] || fail "$mode: the file is damaged"
    for _ in 1 2 3 4; do
        rm -f numbers.db* said
        {
            echo "$open$make_table"
            for ((i = 1; i < 20000; i++)); do echo "INSERT INTO numbers VALUES($i, 'number $i'); SELECT $i;"; done
        } >insert.sql
        env LD_PRELOAD="$CHECK_LIBRARY" KAIO_VFS_OBJECTS="$stack" KAIO_VFS_PARAMETERS="bufio:mode=$mode; bufio:size=512k" \
            sqlite3 -bail :memory: <insert.sql >said 2>err &
        for ((i = 0; i < 200; i++)); do
            [[ $(wc -l <said) -lt 30 ]] || break
            sleep 0.05
        done
        kill -9 $!
        wait $! || :
        said=$(sed -n '$=' said)
        # The last line may be half of one.
        count=$(plain "SELECT count(*) FROM numbers")
        ((said > 1 && count >= said - 1)) || fail "$mode: $said were committed, and there are $count: $(<err)"
        [[ $(plain "PRAGMA integrity_check") == ok ]] || fail "$mode: the file is damaged after kill -9"
    done
done
