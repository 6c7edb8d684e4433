/*
** time_text.c - see time_text.h.
*/
#include "time_text.h"

#include <string.h>

#include "../json.h"

int days_in(int64_t year, int64_t month){
  static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  int leap = (year%4==0 && year%100!=0) || year%400==0;
  return days[month-1] + (month==2 && leap);
}

static int two_digits(const char *p){
  return p[0]>='0' && p[0]<='9' && p[1]>='0' && p[1]<='9' ? (p[0]-'0')*10 + p[1]-'0' : -1;
}

int date_read(const char *p, size_t n, int *year, int *month, int *day){
  if( n<10 || p[4]!='-' || p[7]!='-' || two_digits(p)<0 || two_digits(p+2)<0 ) return 0;
  *year = two_digits(p)*100 + two_digits(p+2);
  *month = two_digits(p+5);
  *day = two_digits(p+8);
  return *month>=1 && *month<=12 && *day>=1 && *day<=days_in(*year, *month);
}

/* Z, +02:00, and what databases and languages write for it too: +0200, +02; no zone is UTC. *out is as RFC
** 3339 has it. */
static int zone_read(const char *p, size_t n, char out[7]){
  memcpy(out, "Z", 2);
  if( n==0 ) return 1;
  if( n==1 ) return p[0]=='Z' || p[0]=='z';
  size_t minutes = n==6 && p[3]==':' ? 4 : 3;
  if( (n!=3 && n!=minutes+2) || (p[0]!='+' && p[0]!='-') ) return 0;
  memcpy(out, "+00:00", 7);
  memcpy(out, p, 3);
  if( n>3 ) memcpy(out + 4, p + minutes, 2);
  return two_digits(out+1)>=0 && two_digits(out+1)<24 && two_digits(out+4)>=0 && two_digits(out+4)<60;
}

int yearless_date(const char *p, size_t n){
  int year, month, day;
  char text[11] = "0000-";
  if( n==7 && p[0]=='-' && p[1]=='-' ){
    p += 2;
    n -= 2;
  }
  if( n!=5 ) return 0;
  memcpy(text + 5, p, 5);
  return date_read(text, 10, &year, &month, &day);
}

int time_read(arena *a, const char *p, size_t n, const char **sent){
  int year, month, day, seconds = 0;
  size_t at = 16;
  *sent = NULL;
  if( !date_read(p, n, &year, &month, &day) ) return 0;
  if( n==10 ){
    *sent = arena_printf(a, "%.10sT00:00:00Z", p);
    return 1;
  }
  if( n<16 || (p[10]!='T' && p[10]!='t' && p[10]!=' ') || p[13]!=':' ) return 0;
  if( two_digits(p+11)<0 || two_digits(p+11)>23 || two_digits(p+14)<0 || two_digits(p+14)>59 ) return 0;
  if( n>=19 && p[16]==':' ){
    seconds = two_digits(p+17);
    if( seconds<0 || seconds>60 ) return 0;
    at = 19;
  }
  size_t fraction = at;
  if( at==19 && at<n && p[at]=='.' ){
    const char *stop = digits(p+at+1, p+n);
    if( stop==p+at+1 ) return 0;
    at = (size_t)(stop - p);
  }
  char zone[7];
  if( !zone_read(p + at, n - at, zone) ) return 0;
  *sent = arena_printf(a, "%.10sT%.5s:%02d%.*s%s", p, p+11, seconds, (int)(at - fraction), p + fraction,
                       zone);
  return 1;
}

/* RFC 3339 in UTC, as Ortto writes it. */
int ortto_time_compare(const char *a, size_t a_length, const char *b, size_t b_length){
  size_t n = a_length<b_length ? a_length : b_length;
  for(size_t i=0; i<n; i++) if( a[i]!=b[i] ){
    if( i==19 ) return (a[i]=='.') - (b[i]=='.');                      /* with a fraction: later */
    if( i>19 && (a[i]=='Z' || b[i]=='Z') ) return a[i]=='Z' ? -1 : 1;   /* the longer fraction: later */
    return a[i]<b[i] ? -1 : 1;
  }
  return 0;
}
