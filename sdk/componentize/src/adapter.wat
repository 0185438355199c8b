;; Answers the calls of WASI preview 1 with nothing: no arguments, no environment, no files, clocks that stand still.
;;
;; Compilers whose libraries know only WASI (Go, clang with wasi-libc) leave these calls in a module. They are answered here,
;; inside the component, so that it imports nothing of WASI.
;;
;; The adapter has no memory and no stack of its own and allocates nothing. It writes only where it is asked to, in the memory
;; of the module that calls, so a garbage collector in there has nothing of the adapter's to reclaim.
;;
;; Results are errno: 0 success, 8 EBADF, 52 ENOSYS, 70 ESPIPE.
(module
  (import "env" "memory" (memory 0))

  ;; What random_get goes on from. The same numbers in every instance, so that a review is repeatable. An i64, because the
  ;; encoder takes a mutable i32 for a stack pointer.
  (global $random (mut i64) (i64.const 0x9e3779b97f4a7c15))

  ;; Arguments and environment: none, in no bytes.
  (func (export "args_sizes_get") (export "environ_sizes_get") (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))

  (func (export "args_get") (export "environ_get") (param i32 i32) (result i32) (i32.const 0))

  ;; Clocks tick in nanoseconds and stand at 1: Go's runtime takes 0 for a broken clock and gives up.
  (func (export "clock_res_get") (param $clock i32) (param $resolution i32) (result i32)
    (i64.store (local.get $resolution) (i64.const 1))
    (i32.const 0))

  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $time i32) (result i32)
    (i64.store (local.get $time) (i64.const 1))
    (i32.const 0))

  ;; Bytes of a xorshift generator. They keep nothing secret; they are for hash tables and the like.
  (func (export "random_get") (param $at i32) (param $length i32) (result i32)
    (loop $next
      (if (local.get $length)
        (then
          (global.set $random (i64.xor (global.get $random) (i64.shl (global.get $random) (i64.const 13))))
          (global.set $random (i64.xor (global.get $random) (i64.shr_u (global.get $random) (i64.const 7))))
          (global.set $random (i64.xor (global.get $random) (i64.shl (global.get $random) (i64.const 17))))
          (i64.store8 (local.get $at) (global.get $random))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (local.set $length (i32.sub (local.get $length) (i32.const 1)))
          (br $next))))
    (i32.const 0))

  ;; Standard output and standard error take everything and keep nothing. An iovec is a pointer and a length.
  (func (export "fd_write") (param $fd i32) (param $iovecs i32) (param $count i32) (param $written i32) (result i32)
    (local $total i32)
    (if (i32.gt_u (i32.sub (local.get $fd) (i32.const 1)) (i32.const 1)) (then (return (i32.const 8))))
    (loop $next
      (if (local.get $count)
        (then
          (local.set $total (i32.add (local.get $total) (i32.load offset=4 (local.get $iovecs))))
          (local.set $iovecs (i32.add (local.get $iovecs) (i32.const 8)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br $next))))
    (i32.store (local.get $written) (local.get $total))
    (i32.const 0))

  ;; The three standard descriptors are there, of no known type and without flags or rights. Others are not.
  (func (export "fd_fdstat_get") (param $fd i32) (param $stat i32) (result i32)
    (if (i32.gt_u (local.get $fd) (i32.const 2)) (then (return (i32.const 8))))
    (i64.store (local.get $stat) (i64.const 0))
    (i64.store offset=8 (local.get $stat) (i64.const 0))
    (i64.store offset=16 (local.get $stat) (i64.const 0))
    (i32.const 0))

  (func (export "fd_close") (param $fd i32) (result i32)
    (select (i32.const 8) (i32.const 0) (i32.gt_u (local.get $fd) (i32.const 2))))

  (func (export "fd_seek") (param $fd i32) (param $offset i64) (param $whence i32) (param $position i32) (result i32)
    (select (i32.const 8) (i32.const 70) (i32.gt_u (local.get $fd) (i32.const 2))))

  (func (export "sched_yield") (result i32) (i32.const 0))

  ;; Who exits, whatever the code, does not finish the call.
  (func (export "proc_exit") (param i32) (unreachable))

  ;; There are no other descriptors.
  (func (export "fd_datasync") (export "fd_sync") (param i32) (result i32) (i32.const 8))
  (func (export "fd_fdstat_set_flags") (export "fd_filestat_get") (export "fd_prestat_get") (export "fd_renumber")
    (export "fd_tell") (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_dir_name") (export "sock_accept") (export "path_create_directory")
    (export "path_remove_directory") (export "path_unlink_file") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_read") (param i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_filestat_get") (export "path_symlink") (export "sock_send") (param i32 i32 i32 i32 i32) (result i32)
    (i32.const 8))
  (func (export "path_readlink") (export "path_rename") (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32)
    (i32.const 8))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 8))
  (func (export "fd_allocate") (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_advise") (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_pread") (export "fd_pwrite") (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32)
    (i32.const 8))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 8))

  ;; Nothing to wait for, and no signals.
  (func (export "poll_oneoff") (param i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "proc_raise") (param i32) (result i32) (i32.const 52)))
