#pragma once
#if __has_include(<openssl/evp.h>)
#include <openssl/evp.h>
#else
#error "libcrypto headers are missing: sudo apt-get install libssl-dev (or: make setup)"
#endif
