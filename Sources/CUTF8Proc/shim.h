#pragma once
#if __has_include(<utf8proc.h>)
#include <utf8proc.h>
#else
#error "utf8proc headers are missing: sudo apt-get install libutf8proc-dev (or: make setup)"
#endif
