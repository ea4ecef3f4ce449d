#!/bin/bash
# Makes an image that behaves as Docker's official httpd does, from Debian's packages,
# for machines that reach no image registry: ./image.sh docker TAG…
# It needs root, Debian, and an engine that answers to the command line of docker. It
# takes a few seconds.
set -euo pipefail
engine=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
prefix=$root/usr/local/apache2

# The package's programs are taken; nothing of it is started.
installed() { dpkg-query --show --showformat='${Status}\n' "$@" 2>/dev/null | grep -c '^install ok installed$' || true; }
if [ "$(installed apache2-bin media-types)" != 2 ]; then
  apt-get install --yes --no-install-recommends apache2-bin media-types > "$work/apt.log" 2>&1 || { cat "$work/apt.log" >&2; exit 1; }
fi

mkdir -p "$prefix"/{bin,conf,htdocs,logs,modules} "$root"/{bin,etc/apache2,usr/local/bin,tmp,proc,sys,dev,run}
chmod 1777 "$root/tmp"
cp /usr/sbin/apache2 "$prefix/bin/httpd"
cp /usr/lib/apache2/modules/*.so "$prefix/modules/"
cp /etc/mime.types "$prefix/conf/"
for program in sh cat rm mkdir sed ls chmod sleep touch grep test; do
  cp --dereference "/usr/bin/$program" "$root/bin/$program"
done

# Every library that they are linked with.
{ ldd "$prefix/bin/httpd" "$prefix"/modules/*.so "$root"/bin/* 2>/dev/null || true; } |
  awk '/=> \// { print $3 } /^\t\/lib/ { print $1 }' | sort -u |
  while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp --dereference "$library" "$root$library"
  done

cat > "$root/etc/passwd" <<'FILE'
root:x:0:0:root:/root:/bin/sh
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
FILE
cat > "$root/etc/group" <<'FILE'
root:x:0:
www-data:x:33:
FILE

cat > "$root/usr/local/bin/httpd-foreground" <<'FILE'
#!/bin/sh
set -e
rm -f /usr/local/apache2/logs/httpd.pid
exec httpd -DFOREGROUND "$@"
FILE
chmod 755 "$root/usr/local/bin/httpd-foreground"
chown 33:33 "$prefix"
echo '<html><body><h1>It works!</h1></body></html>' > "$prefix/htdocs/index.html"

# Debian's program looks for its configuration elsewhere. Some modules it is linked with.
ln -s /usr/local/apache2/conf/httpd.conf "$root/etc/apache2/apache2.conf"
{
  echo 'ServerRoot "/usr/local/apache2"' # Before the modules, which are in it.
  for module in mpm_event authn_file authn_core authz_host authz_groupfile authz_user authz_core access_compat \
    auth_basic reqtimeout filter mime env headers setenvif status autoindex dir alias; do
    echo "LoadModule ${module}_module modules/mod_$module.so"
  done
  cat <<'FILE'
Listen 80
PidFile logs/httpd.pid
User www-data
Group www-data
ServerName localhost
DocumentRoot "/usr/local/apache2/htdocs"
<Directory />
    AllowOverride none
    Require all denied
</Directory>
<Directory "/usr/local/apache2/htdocs">
    Options Indexes FollowSymLinks
    Require all granted
</Directory>
DirectoryIndex index.html
ErrorLog /proc/self/fd/2
LogLevel warn
LogFormat "%h %l %u %t \"%r\" %>s %b" common
CustomLog /proc/self/fd/1 common
RequestHeader unset Proxy early
TypesConfig conf/mime.types
FILE
} > "$prefix/conf/httpd.conf"

# An import takes no stop signal. The image's is the one at which httpd finishes its
# requests.
base=$(tar --directory "$root" --create --file - . | "$engine" import \
  --change 'ENV PATH=/usr/local/apache2/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
  --change 'ENV HTTPD_PREFIX=/usr/local/apache2' --change 'WORKDIR /usr/local/apache2' --change 'EXPOSE 80' \
  --change 'CMD ["httpd-foreground"]' -)
mkdir "$work/build"
printf 'FROM %s\nSTOPSIGNAL SIGWINCH\n' "$base" > "$work/build/Dockerfile"
tags=()
for tag; do tags+=(--tag "$tag"); done
DOCKER_BUILDKIT=0 "$engine" build --quiet "${tags[@]}" "$work/build" > "$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }
