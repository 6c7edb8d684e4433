/*
** windows_shell.c - SQLite's shell for make test-windows: what it writes is written as elsewhere (no carriage
** returns, in its order), and what its scripts run (.shell, .once |) goes through this machine's /bin/sh.
**
** Wine starts programs of this machine, but tells nothing of them any more: their end is told by a file.
*/
#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

__attribute__((constructor))
static void write_as_elsewhere(void){
  for(int fd=0; fd<3; fd++) _setmode(fd, _O_BINARY);
  setvbuf(stdout, NULL, _IONBF, 0);
}

/* Runs it, waits, gives its status as elsewhere, eight bits up. Input and output are this program's own. */
static int run_system(const char *command){
  static int number = 0;
  char ended[64];
  int status = -1;
  wchar_t line[] = L"sh command";
  STARTUPINFOW with = { .cb = sizeof with, .dwFlags = STARTF_USESTDHANDLES };
  with.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
  with.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
  with.hStdError = GetStdHandle(STD_ERROR_HANDLE);
  PROCESS_INFORMATION process = { 0 };
  snprintf(ended, sizeof ended, "ended.%lu.%d", GetCurrentProcessId(), number++);
  FILE *file = fopen("command", "wb");
  if( file==NULL ) return -1;
  /* exit, as the next command is written over this file while this shell still reads it. */
  fprintf(file, "( %s\n); echo $? >%s.new; mv %s.new %s; exit\n", command, ended, ended, ended);
  fclose(file);
  if( !CreateProcessW(L"Z:\\bin\\sh", line, NULL, NULL, TRUE, 0, NULL, NULL, &with, &process) ) return -1;
  while( GetFileAttributesA(ended)==INVALID_FILE_ATTRIBUTES ) Sleep(2);
  file = fopen(ended, "rb");
  if( file==NULL || fscanf(file, "%d", &status)!=1 ) status = -1;
  if( file ) fclose(file);
  DeleteFileA(ended);
  return status<<8;
}

/* A pipe of wine's is none to a program outside of it; a file is one. One at a time. */
static char piped[8192];

static FILE *open_pipe(const char *command, const char *mode){
  int to = mode[0]=='w';
  snprintf(piped, sizeof piped, "( %s\n) %s", command, to ? "<command.in" : ">command.out");
  if( to ) return fopen("command.in", "wb");
  run_system(piped);
  piped[0] = 0;
  return fopen("command.out", "rb");
}

static int close_pipe(FILE *file){
  fclose(file);
  return piped[0] ? run_system(piped) : 0;
}

#define system run_system
#define _popen open_pipe
#define _pclose close_pipe
#include "shell.c"
#endif
