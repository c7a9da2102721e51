/* The one function of Windows' bcryptprimitives.dll that Rust's and Go's runtimes call, for Wine 8, which has no such
 * library. Random bytes come from where Windows programs had them before (RtlGenRandom, exported as SystemFunction036). */

#include <windows.h>

BOOLEAN WINAPI SystemFunction036(PVOID buffer, ULONG length);

/* The most that is asked for at once: a length is 32 bits wide there. */
#define MOST 0x10000000u

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
    while (length > 0) {
        ULONG part = length < MOST ? (ULONG)length : MOST;
        if (!SystemFunction036(buffer, part))
            return FALSE;
        buffer += part;
        length -= part;
    }
    return TRUE;
}
