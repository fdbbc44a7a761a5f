#pragma once
#if __has_include(<archive.h>)
#include <archive.h>
#include <archive_entry.h>
#else
#error "libarchive headers are missing: sudo apt-get install libarchive-dev (or: make setup)"
#endif
