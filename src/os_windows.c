/*
** os_windows.c - see os.h: Windows 7 and later.
*/
#include "os.h"

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <bcrypt.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

/* UTF-16, as the system takes it (malloc); NULL when out of memory, or of what is no UTF-8. */
static wchar_t *win_wide(const char *text){
  int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
  wchar_t *wide = n>0 ? malloc((size_t)n * sizeof *wide) : NULL;
  if( wide ) MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, wide, n);
  return wide;
}

/* And back. */
static char *win_narrow(const wchar_t *wide){
  int n = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
  char *text = n>0 ? malloc((size_t)n) : NULL;
  if( text ) WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, n, NULL, NULL);
  return text;
}

int64_t now_us(void){
  LARGE_INTEGER ticks, per_second;
  QueryPerformanceFrequency(&per_second);
  QueryPerformanceCounter(&ticks);
  int64_t whole = ticks.QuadPart / per_second.QuadPart, rest = ticks.QuadPart % per_second.QuadPart;
  return whole*SECOND + rest*SECOND/per_second.QuadPart;
}

void os_sleep(int ms){
  Sleep(ms>0 ? (DWORD)ms : 0);
}

#define WIN_1970 ((int64_t)11644473600000)  /* milliseconds since 1601, where the system begins to count */

int64_t os_wall_ms(void){
  FILETIME t;
  GetSystemTimeAsFileTime(&t);
  return (int64_t)((uint64_t)t.dwHighDateTime<<32 | t.dwLowDateTime)/10000 - WIN_1970;
}

void os_utc_text(int64_t wall_ms, char text[25]){
  uint64_t since_1601 = (uint64_t)(wall_ms + WIN_1970) * 10000;
  FILETIME t = { (DWORD)since_1601, (DWORD)(since_1601>>32) };
  SYSTEMTIME u;
  char at[64];
  memset(&u, 0, sizeof u);
  FileTimeToSystemTime(&t, &u);
  snprintf(at, sizeof at, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", u.wYear, u.wMonth, u.wDay, u.wHour,
           u.wMinute, u.wSecond, u.wMilliseconds);
  snprintf(text, 25, "%.24s", at);
}

uint64_t os_process_id(void){
  return GetCurrentProcessId();
}

int os_random(void *bytes, size_t n){
  return BCryptGenRandom(NULL, bytes, (ULONG)n, BCRYPT_USE_SYSTEM_PREFERRED_RNG)==0;
}

int os_ip_parse(const char *text, unsigned char bytes[16]){
  if( inet_pton(AF_INET, text, bytes)==1 ) return 4;
  return inet_pton(AF_INET6, text, bytes)==1 ? 6 : 0;
}

/* strtod is the compiler's own, which rounds right; the system's takes a locale. */
double os_parse_double(const char *text, char **end){
  if( strcmp(localeconv()->decimal_point, ".")==0 ) return strtod(text, end);
  _locale_t c = _create_locale(LC_ALL, "C");
  if( c==NULL ) return strtod(text, end);
  double value = _strtod_l(text, end, c);
  _free_locale(c);
  return value;
}

typedef struct win_call {
  void (*fn)(void);
} win_call;

static BOOL CALLBACK win_call_it(INIT_ONCE *once, void *call, void **context){
  (void)once;
  (void)context;
  ((win_call *)call)->fn();
  return TRUE;
}

void os_once(void (*fn)(void)){
  static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
  win_call call = { fn };
  InitOnceExecuteOnce(&once, win_call_it, &call, NULL);
}

/* The value that the system has now: the C library's is a copy made when it started, and not UTF-8. */
char *os_environment(const char *name, int *failed){
  wchar_t *wide = win_wide(name), *value = NULL;
  char *text = NULL;
  DWORD size = 0, n = wide ? GetEnvironmentVariableW(wide, NULL, 0) : 0;
  while( n>size ){                               /* as often as somebody makes it longer meanwhile */
    free(value);
    size = n;
    value = malloc(size * sizeof *value);
    n = value ? GetEnvironmentVariableW(wide, value, size) : 0;
  }
  if( n>0 ) text = win_narrow(value);
  *failed = wide==NULL || (size>0 && value==NULL) || (n>0 && text==NULL);
  free(wide);
  free(value);
  return text;
}

FILE *os_open_to_read(const char *path){
  wchar_t *wide = win_wide(path);
  FILE *file = wide ? _wfopen(wide, L"rb") : NULL;
  DWORD is = wide && file==NULL && errno==EACCES ? GetFileAttributesW(wide) : INVALID_FILE_ATTRIBUTES;
  if( wide==NULL ) errno = ENOENT;
  if( is!=INVALID_FILE_ATTRIBUTES && (is & FILE_ATTRIBUTE_DIRECTORY) ) errno = EISDIR;
  free(wide);
  return file;
}

int os_is_file(const char *path){
  wchar_t *wide = win_wide(path);
  DWORD is = wide ? GetFileAttributesW(wide) : INVALID_FILE_ATTRIBUTES;
  free(wide);
  return is!=INVALID_FILE_ATTRIBUTES && !(is & FILE_ATTRIBUTE_DIRECTORY);
}

void os_host_name(char *name, size_t size){
  wchar_t wide[256];
  DWORD n = sizeof wide/sizeof *wide;
  memset(name, 0, size);
  if( !GetComputerNameExW(ComputerNameDnsHostname, wide, &n) ) return;
  WideCharToMultiByte(CP_UTF8, 0, wide, -1, name, (int)size - 1, NULL, NULL);
}

static int win_is_terminal(DWORD which){
  DWORD mode;
  return GetConsoleMode(GetStdHandle(which), &mode)!=0;
}

int os_error_is_terminal(void){
  return win_is_terminal(STD_ERROR_HANDLE);
}

int os_output_is_terminal(void){
  return win_is_terminal(STD_OUTPUT_HANDLE);
}

int os_error_columns(void){
  CONSOLE_SCREEN_BUFFER_INFO info;
  if( !GetConsoleScreenBufferInfo(GetStdHandle(STD_ERROR_HANDLE), &info) ) return 0;
  return info.srWindow.Right - info.srWindow.Left + 1;
}

/* Nobody else can open it while it is open here. To lock it, reading is enough. */
static HANDLE win_lock_open(const wchar_t *path, int *held){
  const DWORD how = FILE_FLAG_OPEN_REPARSE_POINT;
  HANDLE file = INVALID_HANDLE_VALUE;
  for(int tries=0; tries<100; tries++){
    file = CreateFileW(path, GENERIC_READ|GENERIC_WRITE|DELETE, 0, NULL, OPEN_ALWAYS, how, NULL);
    if( file!=INVALID_HANDLE_VALUE || GetLastError()!=ERROR_ACCESS_DENIED ) break;
    file = CreateFileW(path, GENERIC_READ, 0, NULL, OPEN_EXISTING, how, NULL);
    if( file!=INVALID_HANDLE_VALUE || GetLastError()!=ERROR_FILE_NOT_FOUND ) break;
  }                                              /* its last holder was just removing it */
  *held = file==INVALID_HANDLE_VALUE && GetLastError()==ERROR_SHARING_VIOLATION;
  return file;
}

static int win_is_ordinary(HANDLE file){
  BY_HANDLE_FILE_INFORMATION info;
  const DWORD not = FILE_ATTRIBUTE_DIRECTORY|FILE_ATTRIBUTE_REPARSE_POINT|FILE_ATTRIBUTE_DEVICE;
  return GetFileType(file)==FILE_TYPE_DISK && GetFileInformationByHandle(file, &info)
    && !(info.dwFileAttributes & not);
}

int os_lock_take(os_lock *lock, const char *path){
  int held = 0;
  *lock = (os_lock){ 0 };
  wchar_t *wide = win_wide(path);
  if( wide==NULL ) return OS_LOCK_NONE;
  HANDLE file = win_lock_open(wide, &held);
  free(wide);
  if( file==INVALID_HANDLE_VALUE ) return held ? OS_LOCK_HELD : OS_LOCK_NONE;
  if( win_is_ordinary(file) ) lock->path = _strdup(path);
  if( lock->path==NULL ){
    CloseHandle(file);
    return OS_LOCK_NONE;
  }
  lock->handle = (intptr_t)file;
  return OS_LOCK_TAKEN;
}

void os_lock_release(os_lock *lock){
  LARGE_INTEGER size;
  FILE_DISPOSITION_INFO gone = { TRUE };
  HANDLE file = (HANDLE)lock->handle;
  if( lock->path==NULL ) return;
  if( GetFileSizeEx(file, &size) && size.QuadPart==0 )
    SetFileInformationByHandle(file, FileDispositionInfo, &gone, sizeof gone);
  CloseHandle(file);
  free(lock->path);
  *lock = (os_lock){ 0 };
}
#endif
