#!/bin/bash
# Makes a Debian system into the lab: `pbx` (the company's Asterisk, /etc/asterisk), `world` (the provider and the
# telephones, /etc/world) and the product in a virtual environment of its own. `vagrant up` runs all of it in a virtual
# machine; lab.py runs the same steps, one by one, in a chroot.
#
#   provision.sh                    everything, with services (a machine with systemd)
#   provision.sh packages 22|16     print the Debian packages
#   provision.sh python SETUP_CFG   the virtual environment and what the product depends on
#   provision.sh configs [sip]      configuration, folders, sounds, secrets, of both Asterisks; sip: the pbx's driver is
#                                   chan_sip instead of PJSIP (Asterisk 16)
#   provision.sh wheel PATH TO      make a wheel of a checkout
#   provision.sh product PATH       the product: a checkout or a wheel
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
VENV=/opt/asterisk-missed

packages() {
    case $1 in
        22) echo asterisk asterisk-core-sounds-en-gsm python3 python3-venv faketime ;;
        16) echo asterisk asterisk-modules asterisk-voicemail asterisk-core-sounds-en-gsm python3 ;;
        *) echo "provision.sh: Asterisk $1: 22 or 16" >&2; exit 2 ;;
    esac
}

python() {
    python3 -m venv "$VENV"
    # setuptools is here so that the product can be built later without the network.
    "$VENV/bin/pip" install --quiet --disable-pip-version-check setuptools wheel
    requirements "$1" | "$VENV/bin/pip" install --quiet --disable-pip-version-check -r /dev/stdin
}

requirements() {
    python3 - "$1" <<'PYTHON'
import configparser, sys
setup = configparser.ConfigParser(interpolation=None)
setup.read(sys.argv[1])
print(setup["options"]["install_requires"])
PYTHON
}

configs() {
    # Debian's samples go: what is loaded should be readable in one sitting.
    rm -f /etc/asterisk/*.conf
    install -d /etc/asterisk/manager.d /etc/world/manager.d
    cp "$HERE"/pbx/*.conf "$HERE"/pbx/*.yaml /etc/asterisk/
    cp "$HERE"/world/*.conf /etc/world/
    # Defaults will do, but a file that is missing makes lines in the log.
    touch /etc/{asterisk,world}/{acl,ccss,pjproject,udptl}.conf /etc/world/{cdr,features}.conf
    extensions
    if [[ ${1:-pjsip} == sip ]]; then take_chan_sip; fi
    folders
    sounds
    secrets
    # As Debian has it.
    chown -R asterisk:asterisk /etc/asterisk /etc/world
    chmod 0640 /etc/asterisk/*.conf /etc/world/*.conf
}

# The company's hundred telephones, 100 to 199, and their mailboxes. One whose number ends with 5 is not registered: it has
# no contact. Those of a lane (the middle digit) pick up each other's calls.
extensions() {
    local number contact host
    for number in {100..199}; do
        contact="contact = sip:$number@127.0.0.3:5060" host=127.0.0.3
        [[ $number != ??5 ]] || contact="; no contact: not registered" host=dynamic
        printf '\n[%s](extension)\naors = %s\ncallerid = %s\nnamed_call_group = lane%s\nnamed_pickup_group = lane%s\n[%s](extension-aor)\n%s\n' \
            "$number" "$number" "<$number>" "${number:1:1}" "${number:1:1}" "$number" "$contact"
        printf '\n[%s](extension)\nhost = %s\ndefaultuser = %s\ncallerid = %s\nnamedcallgroup = lane%s\nnamedpickupgroup = lane%s\n' \
            "$number" "$host" "$number" "<$number>" "${number:1:1}" "${number:1:1}" >&3
    done >/etc/asterisk/pjsip_extensions.conf 3>/etc/asterisk/sip_extensions.conf
    { echo '[default]'; printf '%s => 1234,Extension %s\n' $(for number in {100..199}; do echo "$number $number"; done); } \
        >/etc/asterisk/voicemail_extensions.conf
}

# The pbx's trunk and telephones on chan_sip. It takes PJSIP's port, so nothing of PJSIP is loaded. Telephones get their other
# name everywhere at once: in the dialplan's TECH, in queues and in the product's config.
take_chan_sip() {
    local pjsip
    sed -i -e 's,PJSIP/,SIP/,g' -e 's/^TECH = PJSIP$/TECH = SIP/' /etc/asterisk/*.conf
    sed -i -e '/^noload = chan_sip\.so$/d' /etc/asterisk/modules.conf
    for pjsip in /usr/lib/asterisk/modules/*pjsip*.so; do
        echo "noload = ${pjsip##*/}"
    done >>/etc/asterisk/modules.conf
}

folders() {
    install -d -o asterisk -g asterisk -m 0750 /etc/asterisk/asterisk_missed.d /etc/asterisk-missed /var/lib/asterisk-missed
    # Asterisk refuses an #include that no file matches, and its whole dialplan with it.
    echo '; asterisk-missed writes its generated contexts beside this file.' >/etc/asterisk/asterisk_missed.d/README.conf
    install -d -o asterisk -g asterisk -m 0755 /run/asterisk /var/lib/world /var/log/world /var/log/world/cel-custom \
        /var/spool/world /var/spool/world/heard /run/world
    chown -R asterisk:asterisk /var/lib/asterisk /var/log/asterisk /var/spool/asterisk
}

# Music on hold: 300 Hz, a second on, half a second off.
sounds() {
    install -d -o asterisk -g asterisk /var/lib/asterisk/hold
    python3 - <<'PYTHON'
import array, math, wave
rate = 8000
on = [int(8000 * math.sin(2 * math.pi * 300 * n / rate)) for n in range(rate)]
with wave.open("/var/lib/asterisk/hold/hold.wav", "wb") as out:
    out.setparams((1, 2, rate, 0, "NONE", ""))
    out.writeframes(array.array("h", (on + [0] * (rate // 2)) * 10).tobytes())
PYTHON
}

secrets() {
    umask 077
    local pbx world
    pbx=$(secret) world=$(secret)
    echo "$pbx" >/etc/asterisk-missed/ami.secret
    echo "$world" >/etc/world/ami.secret
    # The rights are the fewest that do the work. writetimeout: by default Asterisk drops a reader that is busy for 100 ms.
    cat >/etc/asterisk/manager.d/asterisk-missed.conf <<CONF
[asterisk-missed]
secret = $pbx
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.0/255.0.0.0
read = system,call,agent,user,dialplan
write = originate,reporting,call
writetimeout = 10000
CONF
    cat >/etc/world/manager.d/world.conf <<CONF
[world]
secret = $world
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.0/255.0.0.0
read = all
write = all
writetimeout = 10000
CONF
    chown asterisk:asterisk /etc/asterisk-missed/ami.secret
}

secret() {
    python3 -c 'import secrets; print(secrets.token_hex(16))'
}

# Without the network and without what the product depends on: that is the "python" step's.
OFFLINE=(--quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation)

wheel() {
    "$VENV/bin/pip" wheel "${OFFLINE[@]}" --wheel-dir "$2" "$1"
}

product() {
    "$VENV/bin/pip" install "${OFFLINE[@]}" --force-reinstall "$1"
    ln -sf "$VENV/bin/asterisk-missed" /usr/local/bin/asterisk-missed
}

services() {
    cat >/etc/systemd/system/asterisk-world.service <<'UNIT'
[Unit]
Description=The provider and the telephones of the asterisk-missed lab
After=network.target

[Service]
ExecStart=/usr/sbin/asterisk -f -C /etc/world/asterisk.conf
RuntimeDirectory=world
User=asterisk
Group=asterisk
Restart=on-failure

[Install]
WantedBy=multi-user.target
UNIT
    # lab.py's "call" and "dial" work on this machine itself, then.
    touch /etc/asterisk-missed-lab
    systemctl daemon-reload
    systemctl enable asterisk asterisk-world
    systemctl restart asterisk asterisk-world
}

all() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    # shellcheck disable=SC2046 # the words are packages
    apt-get install -yq $(packages 22)
    python "$HERE/../setup.cfg"
    configs
    product "$HERE/.."
    services
}

"${@:-all}"
